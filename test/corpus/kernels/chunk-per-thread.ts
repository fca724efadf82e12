import { block, f32, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * y = x², a row per block.
 *
 * Broken: each thread takes a part of the row from start to end, so that in one iteration the threads of a wave are C
 * elements apart. The sums are the same, and every element is written once.
 */
export const chunk_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { coalesced: ["x", "y"] } },
  ({ x, y }, { N }) => {
    for (let n = thread.x; n < N; n += THREADS) y[block.x][n] = x[block.x][n] * x[block.x][n];
  },
);

export const chunk_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { coalesced: ["x"] } },
  ({ x, y }, { N }) => {
    requires(N === 256);
    for (let n = thread.x * 4; n < thread.x * 4 + 4; n++) y[block.x][n] = x[block.x][n] * x[block.x][n];
  },
);
