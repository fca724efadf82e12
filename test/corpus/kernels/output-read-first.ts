import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * A matrix times a vector, accumulated over columns.
 *
 * Broken: the sum is built in the output itself, which is assumed to start at 0. It does in a fresh allocation, and not
 * when the arena hands out a buffer for the second time.
 */
export const output_read_correct = kernel(
  { a: input(f32, ["M", "N"]), x: input(f32, ["N"]), y: output(f32, ["M"]) },
  { grid: ({ M }) => [ceilDiv(M, THREADS)], block: [THREADS] },
  ({ a, x, y }, { M, N }) => {
    const m = block.x * THREADS + thread.x;
    if (m >= M) return;
    y[m] = f32(0);
    for (let n = 0; n < N; n++) y[m] += a[m][n] * x[n];
  },
);

export const output_read_broken = kernel(
  { a: input(f32, ["M", "N"]), x: input(f32, ["N"]), y: output(f32, ["M"]) },
  { grid: ({ M }) => [ceilDiv(M, THREADS)], block: [THREADS] },
  ({ a, x, y }, { M, N }) => {
    const m = block.x * THREADS + thread.x;
    if (m >= M) return;
    for (let n = 0; n < N; n++) y[m] += a[m][n] * x[n];
  },
);
