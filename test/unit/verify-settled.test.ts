/**
 * Settled reads of shared memory: threads of a block agree on what they read while nobody writes it, and on nothing else.
 *
 * A barrier under a condition on such a read is proved not to diverge. Every way for the threads to read different values
 * stays unproved.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ObligationKind, Verdict } from "../../src/verify/obligation.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { type KernelReport, verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

/** Name → body, of blocks of 64 threads. The last barrier of each is the one that is asked about. */
const BODIES = {
  after_a_barrier: "if (thread.x === 0) flag[0] = ids[block.x]; barrier(); if (flag[0] > 3) barrier();",
  by_a_uniform_index: "if (thread.x < 8) flag[thread.x] = ids[block.x]; barrier(); if (flag[mod(N, 8)] > 3) barrier();",
  in_a_loop:
    "for (let k = 0; k < N; k++) { if (thread.x === 0) flag[0] = ids[k]; barrier(); const v = flag[0]; barrier(); if (v > 3) barrier(); }",
  beside_a_write_of_another_array:
    "if (thread.x === 0) flag[0] = ids[block.x]; barrier(); other[thread.x] = 1; if (flag[0] > 3) barrier();",
  without_a_barrier: "if (thread.x === 0) flag[0] = ids[block.x]; if (flag[0] > 3) barrier();",
  before_the_write:
    "if (thread.x === 0) flag[0] = ids[block.x]; barrier(); const v = flag[0]; if (thread.x === 0) flag[0] = 7; if (v > 3) barrier();",
  changed_atomically:
    "if (thread.x === 0) flag[0] = ids[block.x]; barrier(); atomicAdd(flag[0], 1); if (flag[0] > 3) barrier();",
  by_an_index_of_the_thread:
    "if (thread.x < 8) flag[thread.x] = ids[N - 1]; barrier(); if (flag[mod(thread.x, 8)] > 3) barrier();",
  after_a_wave_barrier: "if (thread.x === 0) flag[0] = ids[block.x]; wave.barrier(); if (flag[0] > 3) barrier();",
  written_in_the_next_iteration:
    "for (let k = 0; k < N; k++) { if (thread.x === 0) flag[0] = ids[k]; barrier(); const v = flag[0]; if (v > 3) barrier(); }",
  written_after_the_loop:
    "if (thread.x === 0) flag[0] = ids[block.x]; for (let k = 0; k < N; k++) { barrier(); const v = flag[0]; if (v > 3) barrier(); } if (thread.x === 0) flag[0] = 7;",
  written_in_a_branch_with_a_barrier:
    "if (thread.x === 0) flag[0] = 1; barrier(); if (N > 5) { barrier(); if (thread.x === 0) flag[0] = ids[block.x]; } if (flag[0] > 3) barrier();",
  written_in_the_other_branch:
    "if (thread.x === 0) flag[0] = 1; barrier(); if (N > 5) { barrier(); } else { if (thread.x === 0) flag[0] = ids[block.x]; } if (flag[0] > 3) barrier();",
} as const;

type Name = keyof typeof BODIES;

/** The write past the end of y is guarded by what cannot be, if both reads were the same. */
const TWO_READS = `
  if (thread.x === 0) flag[0] = ids[block.x];
  barrier();
  const before = flag[0];
  barrier();
  if (thread.x === 0) flag[0] = 7;
  barrier();
  const after = flag[0];
  if (before !== after) y[N] = f32(0);`;

/** The two blocks would write different elements, if they read the same value. */
const TWO_BLOCKS = `
  if (thread.x === 0) flag[0] = ids[block.x];
  barrier();
  const at = flag[0];
  if (thread.x === 0 && block.x < 2 && 0 <= at && at + block.x < N) y[at + block.x] = f32(1);`;

/** The end of an iteration and the start of the next are in one interval, in which the same value would part the threads. */
const TWO_ITERATIONS = `
  if (thread.x === 0) flag[0] = 0;
  barrier();
  for (let k = 0; k < N; k++) {
    const at = flag[0];
    if (0 <= at && at + thread.x < 64) other[at + thread.x] = 1;
    barrier();
    if (thread.x === 0) flag[0] = ids[k];
    barrier();
    if (0 <= at && at + thread.x < 64) other[at + thread.x] = 2;
  }`;

const pool = new SolverPool({ processes: 1 });
afterAll(() => pool.close());
let reports: ReadonlyMap<string, KernelReport>;

beforeAll(async () => {
  const bodies = { ...BODIES, two_reads: TWO_READS, two_blocks: TWO_BLOCKS, two_iterations: TWO_ITERATIONS };
  const kernels = Object.entries(bodies).map(
    ([name, body]) => `export const ${name} = kernel(
      { ids: input(i32, ["N"]), y: inout(f32, ["N"]) }, { grid: ({ N }) => [N], block: [64] },
      ({ ids, y }, { N }) => { const flag = shared(i32, [8]); const other = shared(i32, [64]); ${body} });`,
  );
  const source = `import { atomicAdd, barrier, block, f32, i32, inout, input, kernel, mod, shared, thread, wave } from "tokitai/dsl";
    ${kernels.join("\n")}`;
  const all = await verifyKernels([...kernelsFrom(source).values()], openSession(pool));
  reports = new Map(all.map((report) => [report.kernel.name, report]));
}, 120_000);

function verdictsOf(name: string, kind: ObligationKind): readonly Verdict[] {
  const obligations = reports.get(name)?.obligations ?? [];
  return obligations.filter((obligation) => obligation.kind === kind).map(({ verdict }) => verdict);
}

const lastBarrier = (name: Name): Verdict | undefined => verdictsOf(name, "divergence").at(-1);

describe("a barrier under a value of shared memory", () => {
  it.each<Name>(["after_a_barrier", "by_a_uniform_index", "in_a_loop", "beside_a_write_of_another_array"])(
    "is proved: %s",
    (name) => expect(lastBarrier(name)).toBe("proved"),
  );

  it.each<Name>([
    "without_a_barrier",
    "before_the_write",
    "changed_atomically",
    "by_an_index_of_the_thread",
    "after_a_wave_barrier",
    "written_in_the_next_iteration",
    "written_after_the_loop",
    "written_in_a_branch_with_a_barrier",
    "written_in_the_other_branch",
  ])("is not proved: %s", (name) => expect(["refuted", "unknown"]).toContain(lastBarrier(name)));
});

describe("nothing follows", () => {
  it("for two places, which a write may part", () => {
    expect(verdictsOf("two_reads", "bounds")).toContain("refuted");
  });

  it("for two blocks", () => {
    expect(verdictsOf("two_blocks", "race")).toContain("refuted");
  });

  it("for two iterations of a loop", () => {
    expect(verdictsOf("two_iterations", "race")).toContain("refuted");
  });
});
