import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Writes a tensor flat, row after row.
 *
 * Broken: the last column of each row is left out, as after a difference of neighbours that has one element less.
 */
export const gapless_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["M"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS], where: { M: ({ B, N }) => B * N } },
  ({ x, y }, { N }) => {
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y * N + n] = x[block.y][n];
  },
);

export const gapless_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["M"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS], where: { M: ({ B, N }) => B * N } },
  ({ x, y }, { N }) => {
    const n = block.x * THREADS + thread.x;
    if (n + 1 < N) y[block.y * N + n] = x[block.y][n];
  },
);
