/** Each kind of obligation: a kernel that is proved, one that is refuted with its witness, one that stays unknown. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ObligationKind } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type KernelReport, verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const HEADER = `
import { barrier, block, ceilDiv, div, f32, i32, i64, inout, input, invariant, kernel, mod, output, registers, requires, scalar, shared, thread } from "tokitai/dsl";
const T = 32;
`;

/** name: [parameters, launch, bindings, body] */
const KERNELS: Readonly<Record<string, readonly [string, string, string, string]>> = {
  // bounds
  guarded: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, y }, { N }",
    "const i = block.x * T + thread.x; if (i < N) y[i] = x[i];",
  ],
  unguarded: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, y }",
    "const i = block.x * T + thread.x; y[i] = x[i];",
  ],
  off_by_one: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, y }, { N }",
    "const i = block.x * T + thread.x; if (i <= N) y[i] = f32(0);",
  ],
  negative: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, y }, { N }",
    "const i = block.x * T + thread.x; if (i < N) y[i] = x[i - 1];",
  ],
  gather: [
    "{ x: input(f32, ['M']), at: input(i32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, at, y }, { M, N }",
    "const i = block.x * T + thread.x; if (i < N) { const j = at[i]; y[i] = 0 <= j && j < M ? x[j] : f32(0); }",
  ],
  gather_sign_only: [
    "{ x: input(f32, ['M']), at: input(i32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, at, y }, { M, N }",
    "const i = block.x * T + thread.x; if (i < N) { const j = at[i]; y[i] = j < M ? x[j] : f32(0); }",
  ],
  flat: [
    "{ x: input(f32, ['T2']), y: output(f32, ['B', 'K']) }",
    "grid: ({ B, K }) => [ceilDiv(B, T), ceilDiv(K, T)], block: [T, T], where: { T2: ({ B, K }) => B * K }",
    "{ x, y }, { B, K }",
    "const b = block.x * T + thread.y; const k = block.y * T + thread.x; if (b < B && k < K) y[b][k] = x[b * K + k];",
  ],
  flat_swapped: [
    "{ x: input(f32, ['T2']), y: output(f32, ['B', 'K']) }",
    "grid: ({ B, K }) => [ceilDiv(B, T), ceilDiv(K, T)], block: [T, T], where: { T2: ({ B, K }) => B * K }",
    "{ x, y }, { B, K }",
    "const b = block.x * T + thread.y; const k = block.y * T + thread.x; if (b < B && k < K) y[b][k] = x[b * B + k];",
  ],
  havoc_no_invariant: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: () => [1], block: [1]",
    "{ x, y }, { N }",
    "let last = 0; for (let i = 0; i < N; i++) { if (x[i] > f32(0)) last = i; y[i] = x[last]; }",
  ],
  shared_small: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const s = shared(f32, [31]); s[thread.x] = f32(1); barrier(); const i = block.x * T + thread.x; if (i < N) y[i] = s[0];",
  ],
  // race
  neighbour: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, y }, { N }",
    "const s = shared(f32, [T]); const i = block.x * T + thread.x; s[thread.x] = i < N ? x[i] : f32(0); barrier(); if (i < N) y[i] = s[mod(thread.x + 1, T)];",
  ],
  neighbour_no_barrier: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ x, y }, { N }",
    "const s = shared(f32, [T]); const i = block.x * T + thread.x; s[thread.x] = i < N ? x[i] : f32(0); if (i < N) y[i] = s[mod(thread.x + 1, T)];",
  ],
  loop_one_barrier: [
    "{ x: input(f32, ['N']), y: output(f32, ['M']) }",
    "grid: ({ M }) => [M], block: [T]",
    "{ x, y }, { N }",
    "const s = shared(f32, [T]); let a = f32(0); for (let k = 0; k < N; k += T) { s[thread.x] = k + thread.x < N ? x[k + thread.x] : f32(0); barrier(); a += s[mod(thread.x + 1, T)]; } if (thread.x === 0) y[block.x] = a;",
  ],
  across_blocks: [
    "{ x: input(f32, ['N']), y: output(f32, ['M']) }",
    "grid: ({ M }) => [M], block: [T]",
    "{ x, y }, { M }",
    "if (thread.x < M) y[thread.x] = f32(1);",
  ],
  equal_values: [
    "{ y: output(f32, ['N']) }",
    "grid: () => [1], block: [T]",
    "{ y }, { N }",
    "if (N > 0) y[0] = f32(1);",
  ],
  in_place: [
    "{ y: inout(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const i = block.x * T + thread.x; if (i < N) y[i] = y[i] * 2.0;",
  ],
  in_place_shift: [
    "{ y: inout(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const i = block.x * T + thread.x; if (i + 1 < N) y[i] = y[i + 1];",
  ],
  tree: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [N], block: [64]",
    "{ x, y }",
    "const s = shared(f32, [64]); s[thread.x] = x[block.x]; barrier(); for (let h = 32; h > 0; h = div(h, 2)) { if (thread.x < h) s[thread.x] += s[thread.x + h]; barrier(); } if (thread.x === 0) y[block.x] = s[0];",
  ],
  tree_no_barrier: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [N], block: [64]",
    "{ x, y }",
    "const s = shared(f32, [64]); s[thread.x] = x[block.x]; barrier(); for (let h = 32; h > 0; h = div(h, 2)) { if (thread.x < h) s[thread.x] += s[thread.x + h]; } barrier(); if (thread.x === 0) y[block.x] = s[0];",
  ],
  // divergence
  uniform_branch: [
    "{ y: inout(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const s = shared(f32, [T]); if (N > 100) { s[thread.x] = f32(1); barrier(); const i = block.x * T + thread.x; if (i < N) y[i] = s[0]; }",
  ],
  divergent: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const i = block.x * T + thread.x; if (i < N) { barrier(); y[i] = f32(1); }",
  ],
  divergent_return: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const i = block.x * T + thread.x; if (i >= N) return; barrier(); y[i] = f32(1);",
  ],
  divergent_loop: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const i = block.x * T + thread.x; for (let k = 0; k < thread.x; k++) barrier(); if (i < N) y[i] = f32(1);",
  ],
  data_barrier: [
    "{ x: input(f32, ['N']), y: output(f32, ['N']) }",
    "grid: ({ N }) => [N], block: [T]",
    "{ x, y }",
    "if (x[block.x] > f32(0)) barrier(); if (thread.x === 0) y[block.x] = f32(1);",
  ],
  // overflow
  demanded: [
    "{ x: input(f32, ['B', 'K']), y: output(f32, ['B', 'K']) }",
    "grid: ({ B, K }) => [ceilDiv(B, T), ceilDiv(K, T)], block: [T, T], index: 'i32'",
    "{ x, y }, { B, K }",
    "const b = block.x * T + thread.y; const k = block.y * T + thread.x; if (b < B && k < K) y[b][k] = x[b][k];",
  ],
  demanded_overflow: [
    "{ y: output(f32, ['B', 'K']) }",
    "grid: ({ B, K }) => [ceilDiv(B, T), ceilDiv(K, T)], block: [T, T], index: 'i32'",
    "{ y }, { B, K }",
    "const b = block.x * T + thread.y; const k = block.y * T + thread.x; if (b < B && k < K && b * 40960 + k >= 0) y[b][k] = f32(0);",
  ],
  no_narrow: [
    "{ y: output(f32, ['B', 'K']) }",
    "grid: ({ B, K }) => [ceilDiv(B, T), ceilDiv(K, T)], block: [T, T]",
    "{ y }, { B, K }",
    "const b = block.x * T + thread.y; const k = block.y * T + thread.x; if (b < B && k < K && b * 40960 + k >= 0) y[b][k] = f32(0);",
  ],
  divide_by_dim: [
    "{ x: input(f32, ['N']), y: output(f32, ['M']) }",
    "grid: ({ M }) => [ceilDiv(M, T)], block: [T]",
    "{ x, y }, { M, N }",
    "const i = block.x * T + thread.x; if (i < M) { const j = mod(i, N); y[i] = j < N ? x[j] : f32(0); }",
  ],
  divide_required: [
    "{ x: input(f32, ['N']), y: output(f32, ['M']) }",
    "grid: ({ M }) => [ceilDiv(M, T)], block: [T]",
    "{ x, y }, { M, N }",
    "requires(N >= 1); const i = block.x * T + thread.x; if (i < M) y[i] = x[mod(i, N)];",
  ],
  narrow_store: [
    "{ y: output(i32, ['N']), s: scalar(i64) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y, s }, { N }",
    "const i = block.x * T + thread.x; if (i < N && 0 <= s && s <= 4294967296) y[i] = s;",
  ],
  // launch
  block_too_large: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, 2048)], block: [2048]",
    "{ y }, { N }",
    "const i = block.x * 2048 + thread.x; if (i < N) y[i] = f32(0);",
  ],
  shared_too_large: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [ceilDiv(N, T)], block: [T]",
    "{ y }, { N }",
    "const s = shared(f32, [T, 1024]); s[thread.x][0] = f32(1); const i = block.x * T + thread.x; if (i < N) y[i] = f32(0);",
  ],
  empty_grid: [
    "{ x: input(f32, ['M']), y: output(f32, ['N']) }",
    "grid: ({ M }) => [M], block: [T]",
    "{ x, y }, { N }",
    "if (block.x === 0 && thread.x < N) y[thread.x] = f32(1);",
  ],
  negative_grid: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [N - 1], block: [T]",
    "{ y }, { N }",
    "if (thread.x === 0 && block.x < N) y[block.x] = f32(1);",
  ],
  // contract
  bad_invariant: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [N], block: [1]",
    "{ y }, { N }",
    "let c = 0; for (let i = 0; i < N; i++) { invariant(c < 5); c += 1; } y[block.x] = f32(c);",
  ],
  bad_start: [
    "{ y: output(f32, ['N']) }",
    "grid: ({ N }) => [N], block: [1]",
    "{ y }, { N }",
    "let c = 7; for (let i = 0; i < N; i++) { invariant(0 <= c && c <= 6); c = 0; } y[block.x] = f32(c);",
  ],
  // shape
  wrong_shape: [
    "{ x: input(f32, ['B', 'K']), w: input(f32, ['K', 'N']), y: output(f32, ['B', 'N']) }",
    "computes: 'matmul', grid: ({ B, N }) => [ceilDiv(B, T), ceilDiv(N, T)], block: [T, T]",
    "{ x, w, y }, { B, K, N }",
    "const b = block.x * T + thread.y; const n = block.y * T + thread.x; if (b < B && n < N) y[b][n] = f32(0);",
  ],
};

const source =
  HEADER +
  Object.entries(KERNELS)
    .map(
      ([name, [params, launch, bindings, body]]) =>
        `export const ${name} = kernel(${params}, { ${launch} }, (${bindings}) => { ${body} });`,
    )
    .join("\n");

const pool = new SolverPool();
afterAll(() => pool.close());
const reports: Promise<ReadonlyMap<string, KernelReport>> = (async () => {
  const kernels = [...kernelsFrom(source).values()];
  const all = await verifyKernels(kernels, openSession(pool));
  return new Map(all.map((report) => [report.kernel.name, report]));
})();

// All kernels are verified together, and the first test must not pay for it.
beforeAll(() => reports.then(() => undefined), 900_000);

async function reportOf(name: string): Promise<KernelReport> {
  const report = (await reports).get(name);
  if (report === undefined) throw new Error(`no kernel ${name}`);
  return report;
}

describe("kernels that are proved", () => {
  const proved = [
    "guarded",
    "gather",
    "flat",
    "neighbour",
    "in_place",
    "tree",
    "uniform_branch",
    "demanded",
    "no_narrow",
    "divide_required",
  ];
  it.each(proved)("%s", async (name) => {
    const { obligations, certificate } = await reportOf(name);
    expect(obligations.filter(({ verdict }) => verdict !== "proved")).toEqual([]);
    expect(certificate).toBeDefined();
  });

  it("has the 32-bit instance only where it is proved", async () => {
    expect((await reportOf("guarded")).widths).toEqual([32, 64]);
    expect((await reportOf("demanded")).widths).toEqual([32]);
    expect(await reportOf("no_narrow")).toMatchObject({ widths: [64], dropped: expect.stringContaining("b * 40960") });
  });
});

describe("kernels that are refuted, with a replayed witness", () => {
  it.each<readonly [string, ObligationKind, string]>([
    ["unguarded", "bounds", "out of bounds"],
    ["off_by_one", "bounds", "out of bounds"],
    ["negative", "bounds", "reads x[-1]"],
    ["gather_sign_only", "bounds", "out of bounds"],
    ["flat_swapped", "bounds", "out of bounds"],
    ["shared_small", "bounds", "writes s[31]"],
    ["neighbour_no_barrier", "race", "no barrier between"],
    ["loop_one_barrier", "race", "no barrier between"],
    ["across_blocks", "race", "of block"],
    ["equal_values", "race", "writes y[0]"],
    ["in_place_shift", "race", "y["],
    ["tree_no_barrier", "race", "s["],
    ["divergent", "divergence", "of 32 threads"],
    ["divergent_return", "divergence", "of 32 threads"],
    ["divergent_loop", "divergence", "of 32 threads"],
    ["demanded_overflow", "overflow", "does not fit 32 bits"],
    ["divide_by_dim", "overflow", "divides by 0"],
    ["narrow_store", "overflow", "do not hold it"],
    ["block_too_large", "launch", "the sizes alone"],
    ["shared_too_large", "launch", "the sizes alone"],
    ["empty_grid", "launch", "the sizes alone"],
    ["negative_grid", "launch", "the sizes alone"],
    ["bad_invariant", "contract", "breaks the invariant"],
    ["bad_start", "contract", "breaks the invariant"],
    ["wrong_shape", "shape", "the sizes alone"],
  ])("%s: %s", async (name, kind, replayed) => {
    const { obligations, certificate } = await reportOf(name);
    expect(certificate).toBeUndefined();
    const refuted = obligations.filter(({ verdict }) => verdict === "refuted");
    expect(refuted.map((obligation) => obligation.kind)).toContain(kind);
    expect(refuted.find((obligation) => obligation.kind === kind)?.witness?.replayed).toContain(replayed);
  });
});

describe("kernels that stay unknown", () => {
  it("names the state that the solver invented", async () => {
    const { obligations, certificate } = await reportOf("havoc_no_invariant");
    expect(certificate).toBeUndefined();
    const open = obligations.filter(({ verdict }) => verdict === "unknown");
    expect(open.map(({ kind }) => kind)).toContain("bounds");
    expect(open.find(({ kind }) => kind === "bounds")?.reason).toContain("last");
  });

  it("does not prove a barrier under a condition on data", async () => {
    const { obligations } = await reportOf("data_barrier");
    expect(obligations.find(({ kind }) => kind === "divergence")?.verdict).toBe("unknown");
  });

  it("is what a solver without time says", async () => {
    const hasty = new SolverPool({ processes: 1, program: "/nonexistent/solver.mjs" });
    const kernel = (await reportOf("guarded")).kernel;
    const [report] = await verifyKernels([kernel], openSession(hasty));
    hasty.close();
    expect(report?.certificate).toBeUndefined();
    expect(new Set(report?.obligations.map(({ verdict }) => verdict))).toEqual(new Set(["unknown"]));
  });
});
