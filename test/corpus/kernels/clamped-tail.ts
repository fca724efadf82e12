import { block, ceilDiv, f32, input, kernel, max, min, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * A rounding kernel over a vector of any length.
 *
 * Broken: instead of a guard, threads past the end are clamped to the last element, which avoids the branch. They all
 * write that element: here the same value, but a data race all the same, and wrong at once when the update is in place.
 */
export const clamped_tail_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    const clamped = min(i, N - 1);
    const value = x[clamped];
    if (i < N) y[i] = max(value, 0.0);
  },
);

export const clamped_tail_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = min(block.x * THREADS + thread.x, N - 1);
    y[i] = max(x[i], 0.0);
  },
);
