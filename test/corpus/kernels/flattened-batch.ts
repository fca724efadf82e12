import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Reads a tensor that was flattened for the copy: element [b, n] is at b·N + n.
 *
 * Broken: the row's stride is the number of rows. In bounds where B ≤ N, wrong for every tensor that is not square, and
 * past the end for tall ones.
 */
export const flattened_correct = kernel(
  { x: input(f32, ["M"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS], where: { M: ({ B, N }) => B * N } },
  ({ x, y }, { N }) => {
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y][n] = x[block.y * N + n];
  },
);

export const flattened_broken = kernel(
  { x: input(f32, ["M"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS], where: { M: ({ B, N }) => B * N } },
  ({ x, y }, { B, N }) => {
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y][n] = x[block.y * B + n];
  },
);
