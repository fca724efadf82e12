import { block, ceilDiv, div, f32, inout, kernel, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * Reverses a vector in place: a thread exchanges element i with its mirror image.
 *
 * Broken: all N threads exchange, not half of them. Each pair is exchanged twice at the same time; the outcome is any
 * mixture, often the original vector.
 */
export const reverse_correct = kernel(
  { x: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i >= div(N, 2)) return;
    const other = x[N - 1 - i];
    x[N - 1 - i] = x[i];
    x[i] = other;
  },
);

export const reverse_broken = kernel(
  { x: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i >= N) return;
    const other = x[N - 1 - i];
    x[N - 1 - i] = x[i];
    x[i] = other;
  },
);
