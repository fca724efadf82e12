import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Reverses a vector.
 *
 * Broken: the guard compares with the last index instead of the length, so that the last thread does nothing, and the
 * first element of the result is never written.
 */
export const reversed_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[N - 1 - i] = x[i];
  },
);

export const reversed_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N - 1) y[N - 1 - i] = x[i];
  },
);
