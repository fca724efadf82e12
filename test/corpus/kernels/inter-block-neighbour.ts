import { block, ceilDiv, f32, inout, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * The second pass of a scan: every block adds the total of the block before it to its own part.
 *
 * Broken: totals are summed up in place, as if blocks ran from left to right. Blocks have no order, and no barrier spans
 * two of them: which totals have already been added to depends on the scheduler.
 */
export const block_carry_correct = kernel(
  { totals: input(f32, ["N"]), carry: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ totals, carry }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i >= N) return;
    let sum = f32(0);
    for (let j = 0; j < i; j++) sum += totals[j];
    carry[i] = sum;
  },
);

export const block_carry_broken = kernel(
  { totals: inout(f32, ["N"]) },
  { grid: ({ N }) => [N], block: [THREADS] },
  ({ totals }) => {
    if (thread.x !== 0 || block.x === 0) return;
    totals[block.x] += totals[block.x - 1];
  },
);
