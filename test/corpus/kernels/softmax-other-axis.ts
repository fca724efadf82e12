import { block, ceilDiv, exp, f32, input, kernel, max, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The softmax of each row, one thread per element.
 *
 * Broken: the sums run down the column. Every column adds up to 1 instead of every row; for the router this means that
 * tokens of a batch compete with each other, and that results depend on the batch.
 */
export const softmax_axis_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { computes: "softmax", grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const b = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    let top = x[b][0];
    for (let m = 1; m < N; m++) top = max(top, x[b][m]);
    let sum = f32(0);
    for (let m = 0; m < N; m++) sum += exp(x[b][m] - top);
    y[b][n] = exp(x[b][n] - top) / sum;
  },
);

export const softmax_axis_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { computes: "softmax", grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS] },
  ({ x, y }, { B, N }) => {
    const b = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    let top = x[0][n];
    for (let m = 1; m < B; m++) top = max(top, x[m][n]);
    let sum = f32(0);
    for (let m = 0; m < B; m++) sum += exp(x[m][n] - top);
    y[b][n] = exp(x[b][n] - top) / sum;
  },
);
