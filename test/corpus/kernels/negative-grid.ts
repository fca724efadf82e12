import { block, ceilDiv, f32, inout, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Differences of neighbours: one element fewer than there are.
 *
 * Broken: one block per difference, N − 1 blocks, without a thought for N = 0. As an unsigned grid extent −1 is four
 * billion blocks.
 */
export const differences_correct = kernel(
  { x: input(f32, ["N+1"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = x[i + 1] - x[i];
  },
);

export const differences_broken = kernel(
  { x: input(f32, ["N"]), y: inout(f32, ["N"]) },
  { grid: ({ N }) => [N - 1], block: [1] },
  ({ x, y }) => {
    const i = block.x;
    y[i] = x[i + 1] - x[i];
  },
);
