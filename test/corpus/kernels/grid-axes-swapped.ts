import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const COLUMNS = 32;
const ROWS = 8;

/**
 * Adds a bias to each row, a tile of 8×32 elements per block.
 *
 * Broken: the grid counts row tiles on x and column tiles on y, the kernel takes them the other way round. Square
 * tensors with square tiles would work; here whole tiles are missing, and the guards hide that anything is amiss.
 */
export const grid_axes_correct = kernel(
  { x: input(f32, ["B", "N"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, COLUMNS), ceilDiv(B, ROWS)], block: [COLUMNS, ROWS] },
  ({ x, bias, y }, { B, N }) => {
    const n = block.x * COLUMNS + thread.x;
    const b = block.y * ROWS + thread.y;
    if (b < B && n < N) y[b][n] = x[b][n] + bias[n];
  },
);

export const grid_axes_broken = kernel(
  { x: input(f32, ["B", "N"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)], block: [COLUMNS, ROWS] },
  ({ x, bias, y }, { B, N }) => {
    const n = block.x * COLUMNS + thread.x;
    const b = block.y * ROWS + thread.y;
    if (b < B && n < N) y[b][n] = x[b][n] + bias[n];
  },
);
