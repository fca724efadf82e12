import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

/**
 * y = 2x, by tiles.
 *
 * Broken: a row of the block is half a wave, so that a wave is in two rows of the matrix at once.
 */
export const tiles_correct = kernel(
  { x: input(f32, ["M", "N"]), y: output(f32, ["M", "N"]) },
  {
    grid: ({ M, N }) => [ceilDiv(N, 32), ceilDiv(M, 8)],
    block: [32, 8],
    performance: { coalesced: ["x", "y"] },
  },
  ({ x, y }, { M, N }) => {
    const m = block.y * 8 + thread.y;
    const n = block.x * 32 + thread.x;
    if (m < M && n < N) y[m][n] = 2.0 * x[m][n];
  },
);

export const tiles_broken = kernel(
  { x: input(f32, ["M", "N"]), y: output(f32, ["M", "N"]) },
  {
    grid: ({ M, N }) => [ceilDiv(N, 16), ceilDiv(M, 16)],
    block: [16, 16],
    performance: { coalesced: ["x"] },
  },
  ({ x, y }, { M, N }) => {
    const m = block.y * 16 + thread.y;
    const n = block.x * 16 + thread.x;
    if (m < M && n < N) y[m][n] = 2.0 * x[m][n];
  },
);
