import { block, ceilDiv, f32, inout, kernel, thread } from "tokitai/dsl";

const COLUMNS = 32;
const ROWS = 4;

/**
 * Doubles each row; a block has four rows of 32 threads.
 *
 * Broken: the row is the block's, and the thread's y is forgotten, left over from a version with one row per block. Four
 * threads update each element: a factor of 2 to 16, and three rows out of four are left out.
 */
export const block_axis_correct = kernel(
  { x: inout(f32, ["B", "N"]) },
  { grid: ({ B }) => [ceilDiv(B, ROWS)], block: [COLUMNS, ROWS] },
  ({ x }, { B, N }) => {
    const b = block.x * ROWS + thread.y;
    if (b >= B) return;
    for (let n = thread.x; n < N; n += COLUMNS) x[b][n] *= 2.0;
  },
);

export const block_axis_broken = kernel(
  { x: inout(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [COLUMNS, ROWS] },
  ({ x }, { N }) => {
    const b = block.x;
    for (let n = thread.x; n < N; n += COLUMNS) x[b][n] *= 2.0;
  },
);
