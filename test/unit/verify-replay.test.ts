/**
 * Confirmation of counterexamples: a run confirms what the claim denies, at its place and between its threads, and nothing
 * else; sizes refute a claim about launches only where some contents pass the kernel's conditions on data.
 */

import { afterAll, describe, expect, it } from "vitest";
import type { Fault } from "../../src/ir/kernel/interpret.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { showsFault } from "../../src/verify/replay-record.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const pool = new SolverPool({ processes: 1 });
const session = openSession(pool);
afterAll(() => pool.close());

/** The obligations of a kernel that are not proved. */
async function openOf(
  params: string,
  launch: string,
  bindings: string,
  body: string,
): Promise<readonly ObligationResult[]> {
  const kernels = kernelsFrom(`
    import { barrier, block, ceilDiv, div, f32, forall, i32, i64, inout, input, kernel, mod, output, prefixSum, requires, scalar, shared, thread } from "tokitai/dsl";
    const T = 32;
    export const k = kernel(${params}, { ${launch} }, (${bindings}) => { ${body} });
  `);
  const [report] = await verifyKernels([...kernels.values()], session);
  return report?.obligations.filter(({ verdict }) => verdict !== "proved") ?? [];
}

function told(obligations: readonly ObligationResult[]): readonly string[] {
  return obligations.map(({ id, verdict }) => `${id} ${verdict}`);
}

describe("a fault", () => {
  const race = (otherBlock: Fault["otherBlock"]): Fault => ({
    kind: "race",
    message: "",
    span: NO_SPAN,
    array: "y",
    block: [1, 0, 0],
    thread: [0, 0, 0],
    ...(otherBlock && { otherBlock, otherThread: [1, 0, 0] }),
  });

  it("is confirmed with float scalars that the contract allows", async () => {
    const body = (guard: string): string =>
      `requires(0.0 <= p && p < 0.3); requires(q >= 2.0); requires(r > 0.0 && r < 0.001);
       const i = block.x * T + thread.x; if (${guard}) y[i] = p * q * r;`;
    const params = `{ p: scalar(f32), q: scalar(f32), r: scalar(f32), y: output(f32, ["N"]) }`;
    const told = (guard: string) =>
      openOf(params, "grid: ({ N }) => [ceilDiv(N, T)], block: [T]", "{ p, q, r, y }, { N }", body(guard));
    expect(await told("i < N")).toEqual([]);
    const [beyond] = await told("i <= N");
    expect(beyond).toMatchObject({ id: "k/bounds/y#1", verdict: "refuted" });
    expect(beyond?.witness?.replay?.scalars).toEqual({ p: 0.25, q: 2, r: 0.00001 });
  });

  it("is between threads of one block, or of two, as the pattern says", () => {
    const [within, across] = [race([1, 0, 0]), race([0, 0, 0])];
    const pattern = { kinds: ["race"], array: "y" } as const;
    const shown = (acrossBlocks: boolean | undefined): readonly boolean[] =>
      [within, across].map((fault) =>
        showsFault({ ...pattern, ...(acrossBlocks !== undefined && { acrossBlocks }) }, fault),
      );
    expect(shown(undefined)).toEqual([true, true]);
    expect(shown(false)).toEqual([true, false]);
    expect(shown(true)).toEqual([false, true]);
  });
});

describe("an overflow", () => {
  const params = "{ ids: input(i64, ['N']), x: input(f32, ['N']), y: output(f32, ['N']) }";
  const launch = "grid: () => [1], block: [1]";

  it("of one integer does not confirm that of another", async () => {
    // `last` is below N, which its loop does not say: the solver invents a value. The product of the id overflows indeed.
    const open = await openOf(
      params,
      launch,
      "{ ids, x, y }, { N }",
      `let last = 0;
       for (let i = 0; i < N; i++) {
         if (x[i] > 0.0) last = i;
         y[i] = last * 1048576 >= 0 ? f32(1) : f32(0);
         y[i] = ids[i] * 64 >= 0 ? f32(1) : f32(0);
       }`,
    );
    const overflows = open.filter(({ kind }) => kind === "overflow");
    const verdictOf = (text: string): readonly string[] =>
      overflows.filter(({ statement }) => statement.startsWith(text)).map(({ verdict }) => verdict);
    expect(verdictOf("last * 1048576")).toEqual(["unknown"]);
    expect(verdictOf("ids[i] * 64")).toEqual(["refuted"]);
  });

  it("that only a large 64-bit element causes is found where the model does not lead there", async () => {
    // What `at` holds comes from an earlier iteration, so that the model says nothing of the id behind it.
    const [overflow, ...others] = await openOf(
      params,
      launch,
      "{ ids, x, y }, { N }",
      `let at = 0;
       for (let i = 0; i < N; i++) {
         y[i] = at * 64 >= 0 ? x[i] : f32(0);
         at = ids[i];
       }`,
    );
    expect(others).toEqual([]);
    expect(overflow).toMatchObject({ verdict: "refuted", code: "TK305" });
    expect(overflow?.witness?.replayed).toMatch(
      /computes at \* 64 = -?295147905179352825856, which does not fit 64 bits/,
    );
  });

  it("is not shown by an element that its type does not have", async () => {
    // Only 2⁶³ − 1 overflows, which is no double; 2⁶³ is one, and no i64.
    const [overflow, ...others] = await openOf(
      params,
      launch,
      "{ ids, x, y }, { N }",
      "for (let i = 0; i < N; i++) y[i] = ids[i] + 1 > 0 ? x[i] : f32(0);",
    );
    expect(others).toEqual([]);
    expect(overflow).toMatchObject({ verdict: "unknown", code: "TK305" });
    expect(overflow?.reason).toContain("value 9223372036854775808");
  });
});

describe("elements of an output", () => {
  it("that nobody writes: the witness names the one that the run shows", async () => {
    const [uncovered, ...others] = await openOf(
      "{ x: input(f32, ['B', 100]), y: output(f32, ['B', 100]) }",
      "grid: ({ B }) => [B], block: [T]",
      "{ x, y }",
      // The index is not inverted, so that the model takes any element for one that nobody writes.
      "for (let c = thread.x; c < 99; c += T) y[block.x][mod(7 * c, 100)] = x[block.x][c];",
    );
    expect(others).toEqual([]);
    expect(uncovered).toMatchObject({ code: "TK315", verdict: "refuted" });
    expect(uncovered?.witness?.text).toMatch(/: index of axis 0 0, index of axis 1 93$/);
    expect(uncovered?.witness?.replayed).toBe("the interpreter leaves y[0][93] unwritten");
  });

  it("that two threads write: the witness names them and the element as the run shows them", async () => {
    const open = await openOf(
      "{ x: input(f32, ['B']), y: output(f32, ['B', T]) }",
      "grid: ({ B }) => [B], block: [T]",
      "{ x, y }",
      "y[block.x][thread.x] = x[block.x]; barrier(); if (thread.x >= 20) y[block.x][thread.x - 20] = 0.0;",
    );
    const twice = open.filter(({ code }) => code === "TK316");
    expect(told(twice)).toEqual(["k/coverage/y.once#2 refuted"]);
    const [, writer, earlier] =
      /from thread (\(.*\)) after thread (\(.*\)) has/.exec(twice[0]?.witness?.replayed ?? "") ?? [];
    const [, row, column] = /writes y\[(\d+)\]\[(\d+)\]/.exec(twice[0]?.witness?.replayed ?? "") ?? [];
    expect(twice[0]?.witness?.text).toBe(
      `B = 1; block (0, 0, 0), thread ${earlier} and block (0, 0, 0), thread ${writer}: index of axis 0 ${row}, index of axis 1 ${column}`,
    );
  });
});

describe("sizes alone", () => {
  const emptyOf = async (upper: string): Promise<ObligationResult | undefined> => {
    const open = await openOf(
      "{ ids: input(i32, ['M']), w: input(f32, ['E']), y: output(f32, ['M']) }",
      "grid: ({ E }) => [E], block: [T]",
      "{ ids, w, y }, { M, E }",
      `requires(forall([M], (t) => 0 <= ids[t] && ids[t] ${upper} E));
       for (let t = 0; t < M; t++) if (thread.x === 0 && ids[t] === block.x) y[t] = w[block.x];`,
    );
    return open.find(({ id }) => id === "k/launch/empty.y#1");
  };

  it("are no counterexample where no data can meet the kernel's conditions", async () => {
    const found = await emptyOf("<");
    expect(found?.verdict).toBe("unknown");
    expect(found?.reason).toContain("no contents were found that meet the conditions on data at these sizes");
  });

  it("are one where some data can", async () => {
    const found = await emptyOf("<=");
    expect(found).toMatchObject({ verdict: "refuted", code: "TK308" });
    expect(found?.witness?.text).toBe("M = 1, E = 0");
  });

  it("need an element that is negative for the premise of sums", async () => {
    const premiseOf = async (condition: string): Promise<readonly string[]> => {
      const open = await openOf(
        "{ counts: input(i32, ['N']), y: output(f32, ['N']) }",
        "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
        "{ counts, y }, { N }",
        `requires(${condition});
         requires(forall([N], (i) => prefixSum(counts, i) <= 100));
         const i = block.x * T + thread.x;
         if (i < N) y[i] = f32(0);`,
      );
      return told(open.filter(({ code }) => code === "TK321"));
    };
    expect(await premiseOf("forall([N], (i) => counts[i] <= 5)")).toEqual(["k/contract/sums.counts#1 refuted"]);
    expect(await premiseOf("forall([N], (i) => 0 <= counts[i])")).toEqual([]);
  });
});
