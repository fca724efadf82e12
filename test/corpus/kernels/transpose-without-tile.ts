import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

/**
 * Copies a matrix, a row per line of threads.
 *
 * Broken: it is transposed on the way. What comes in lies side by side; what goes out is a row apart, thread by thread.
 */
export const rows_correct = kernel(
  { x: input(f32, ["M", "N"]), y: output(f32, ["M", "N"]) },
  {
    grid: ({ M, N }) => [ceilDiv(N, 64), ceilDiv(M, 4)],
    block: [64, 4],
    performance: { coalesced: ["x", "y"] },
  },
  ({ x, y }, { M, N }) => {
    const m = block.y * 4 + thread.y;
    const n = block.x * 64 + thread.x;
    if (m < M && n < N) y[m][n] = x[m][n];
  },
);

export const rows_broken = kernel(
  { x: input(f32, ["M", "N"]), y: output(f32, ["N", "M"]) },
  {
    grid: ({ M, N }) => [ceilDiv(N, 64), ceilDiv(M, 4)],
    block: [64, 4],
    performance: { coalesced: ["x", "y"] },
  },
  ({ x, y }, { M, N }) => {
    const m = block.y * 4 + thread.y;
    const n = block.x * 64 + thread.x;
    if (m < M && n < N) y[n][m] = x[m][n];
  },
);
