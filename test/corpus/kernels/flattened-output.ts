import { block, ceilDiv, covers, div, f32, inout, input, kernel, mod, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Writes a tensor flat, row after row.
 *
 * Broken: rows are laid one element too close together, as when a padding column was removed from the stride but not
 * from the data. The last element of each row and the first of the next are one, and two blocks write it.
 */
export const flattened_output_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["M"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS], where: { M: ({ B, N }) => B * N } },
  ({ x, y }, { N }) => {
    covers(y, (m) => ({ block: [div(mod(m, N), THREADS), div(m, N)], thread: [mod(mod(m, N), THREADS)] }));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y * N + n] = x[block.y][n];
  },
);

export const flattened_output_broken = kernel(
  { x: input(f32, ["B", "N"]), y: inout(f32, ["M"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS], where: { M: ({ B, N }) => B * N } },
  ({ x, y }, { N }) => {
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y * (N - 1) + n] = x[block.y][n];
  },
);
