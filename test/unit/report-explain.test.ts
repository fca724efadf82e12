import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { type Explanation, explainObligation } from "../../src/verify/explain.ts";
import type { ObligationResult } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { smt2Text } from "../../src/verify/report.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const SOURCE = `import { barrier, block, ceilDiv, f32, forall, i32, input, invariant, kernel, output, requires, scalar, shared, thread } from "tokitai/dsl";

const T = 32;

export const rows = kernel(
  { x: input(f32, ["N", "M"]), w: input(f32, ["H"]), ids: input(i32, ["M"]), offset: scalar(i32), y: output(f32, ["M"]) },
  { grid: ({ M }) => [ceilDiv(M, T)], block: [T], where: { H: ({ N }) => N * 2 } },
  ({ x, w, ids, offset, y }, { M, N }) => {
    requires(0 <= offset && offset < N);
    requires(forall([M], (m) => 0 <= ids[m] && ids[m] < M));
    const i = block.x * T + thread.x;
    let last = 0;
    if (i < M) {
      for (let k = 0; k < N; k += 2) {
        invariant(0 <= last && last <= k);
        last = k;
      }
      y[i] = x[offset][ids[i]] + w[last];
    }
  },
);

export const swap = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, T)], block: [T] },
  ({ x, y }, { N }) => {
    const i = block.x * T + thread.x;
    const s = shared(f32, [T]);
    s[thread.x] = i < N ? x[i] : f32(0);
    if (i < N) y[i] = s[T - 1 - thread.x];
  },
);
`;

const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());

const session = openSession(pool);
let kernels: readonly Kernel[] = [];
let obligations: readonly ObligationResult[] = [];
beforeAll(async () => {
  kernels = [...kernelsFrom(SOURCE).values()];
  obligations = (await verifyKernels(kernels, session)).flatMap((report) => report.obligations);
});

async function explained(id: string): Promise<Explanation> {
  const result = await explainObligation({ kernels, plans: [] }, id, session, () => SOURCE);
  if (!result.ok) throw new Error(result.diagnostics.map(({ message }) => message).join("\n"));
  return result.value;
}

/** The number of the line that holds the text. */
function lineOf(text: string): number {
  return SOURCE.slice(0, SOURCE.indexOf(text)).split("\n").length;
}

/** The lines under a heading, without their indentation, up to the next line that is indented no more than it. */
function under(text: string, heading: string): readonly string[] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.trim().startsWith(heading));
  const depth = (line: string): number => line.search(/\S|$/);
  if (start < 0) return [];
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => depth(line) <= depth(lines[start] ?? ""));
  return rest.slice(0, end < 0 ? undefined : end).map((line) => line.trim());
}

describe("an explanation", () => {
  it("names the place with its caret, and the duty in words", async () => {
    const { text } = await explained("rows/bounds/y#1");
    const line = lineOf("y[i] = ");
    expect(text).toContain(`rows/bounds/y#1: y[i] is written within y\n  kernels.ts:${line}:7\n`);
    expect(text).toMatch(new RegExp(`^ {2}${line} \\| .*y\\[i\\] = x\\[offset\\].*\\n {5}\\| {7}\\^{4}$`, "m"));
    expect(text).toContain("bounds: every index stays within its axis");
  });

  it("gives every assumption with its origin", async () => {
    const { text } = await explained("rows/bounds/w#1");
    const assumed = (heading: string): readonly string[] => under(text, heading);
    expect(assumed("size limit of 64-bit indices")).toContain("0 <= N && N <= 2**40");
    expect(assumed("size limit of 64-bit indices")).toContain("N * M <= 2**46");
    expect(assumed("grid limit")).toContain("div(M + 31, 32) <= 2**31 - 1");
    expect(assumed("place in the grid")).toContain("0 <= block.x && block.x < div(M + 31, 32)");
    expect(assumed("place in the block")).toContain("0 <= thread.x && thread.x < 32");
    const place = (part: string): string => `, kernels.ts:${lineOf(part)}:`;
    expect(assumed(`requires 0 <= offset && offset < N${place("requires(0 <= offset")}`)).toEqual([
      "0 <= offset && offset < N",
    ]);
    expect(assumed(`branch on i < M${place("if (i < M)")}`)).toEqual(["block.x * 32 + thread.x < M"]);
    expect(assumed(`end of the loop over k${place("for (let k")}`).length).toBeGreaterThan(1);
    expect(assumed(`where H = N * 2${place("H: ({ N })")}`)).toEqual(["H === N * 2"]);
    const invariant = assumed(`invariant 0 <= last && last <= k${place("invariant(0")}`);
    expect(invariant).toHaveLength(1);
    expect(invariant[0]).toMatch(/^0 <= last && last <= /);
    expect(under(text, "products, known by").join()).toContain("N * M");
    expect(under(text, "refuted by values")).toHaveLength(1);
  });

  it("gives the range of the loop that an obligation stands in", async () => {
    const kept = obligations.find(({ kernel, code }) => kernel === "rows" && code === "TK309");
    const { text } = await explained(String(kept?.id).replace(/#\d+$/, "#2"));
    expect(under(text, `iterations of the loop over k, kernels.ts:${lineOf("for (let k")}:`)).toEqual([
      "0 <= k && k < N",
      "mod(k, 2) === 0",
    ]);
  });

  it("gives the conditions on data with their place, at the elements that matter", async () => {
    const { text } = await explained("rows/bounds/x#1");
    const data = under(text, "conditions on data");
    expect(data[0]).toMatch(/^requires forall\(\[M\], .*, kernels\.ts:\d+:\d+$/);
    expect(data[0]).toContain(`kernels.ts:${lineOf("requires(forall")}:`);
    expect(data.slice(1).join("\n")).toContain("0 <= ids[block.x * 32 + thread.x] && ids[block.x * 32 + thread.x] < M");
  });

  it("tells two threads apart, and shows the witness of a refutation", async () => {
    const refuted = obligations.find(({ kind, verdict }) => kind === "race" && verdict === "refuted");
    const { text, obligation } = await explained(String(refuted?.id));
    expect(obligation).toEqual({ ...refuted, solverMs: obligation.solverMs });
    const position = under(text, "place in the block");
    for (const thread of ["thread.x", "thread.x'"]) expect(position).toContain(`0 <= ${thread} && ${thread} < 32`);
    expect(under(text, "refuted by values")).toContain("thread.x === 31 - thread.x'");
    expect(text).toContain(`verdict   refuted (TK302): ${refuted?.failure}`);
    expect(text).toContain(`witness   ${refuted?.witness?.text}`);
    expect(text).toContain(`replayed  ${refuted?.witness?.replayed}`);
    expect(text).toContain(`fix       ${refuted?.fix}`);
  });

  it("says of assumptions that can be met that values prove it", async () => {
    const { text } = await explained("rows/contract/reachable.body#1");
    expect(text).toContain("proved by values that meet all of this");
    expect(text).not.toContain("refuted by values");
    expect(text).toContain("(check-sat)");
  });

  it("ends with the query that was asked, for every obligation", async () => {
    expect(obligations.length).toBeGreaterThan(30);
    for (const { id, expects, query } of obligations) {
      const { text, obligation } = await explained(id);
      expect(obligation.query, id).toBe(query);
      expect(
        text.endsWith(
          smt2Text(obligation)
            .trimEnd()
            .split("\n")
            .map((line) => `  ${line}`)
            .join("\n"),
        ),
        id,
      ).toBe(true);
      expect(under(text, "refuted by values that meet").length > 0, id).toBe(expects === "unsat");
    }
  });
});

describe("an id that no obligation has", () => {
  it("is refused with the nearest ids", async () => {
    const result = await explainObligation({ kernels, plans: [] }, "swap/bound/y#1", session, () => SOURCE);
    expect(result).toMatchObject({
      ok: false,
      diagnostics: [
        {
          code: "TK002",
          message: "no obligation has the id swap/bound/y#1",
          fix: expect.stringMatching(/^the nearest are swap\/bounds\/y#1, /),
        },
      ],
    });
  });

  it("is refused where there is no kernel at all", async () => {
    const result = await explainObligation({ kernels: [], plans: [] }, "a/b/c#1", session, () => undefined);
    expect(result).toMatchObject({ ok: false, diagnostics: [{ code: "TK002" }] });
  });
});
