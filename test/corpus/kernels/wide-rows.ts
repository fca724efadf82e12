import { barrier, block, f32, input, kernel, loadVector, output, registers, shared, thread } from "tokitai/dsl";

const ROWS = 32;

/**
 * Sums of the rows of a matrix of 32 by 32, which each thread reads in vectors of four.
 *
 * Broken: the rows are not padded, so that the eight lanes that are served together ask for eight words of each of four banks.
 */
export const wide_rows_correct = kernel(
  { x: input(f32, ["B", 1024]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [ROWS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f32, [ROWS, ROWS + 4]);
    const four = registers(f32, [4]);
    for (let r = 0; r < ROWS; r++) tile[r][thread.x] = x[block.x][r * ROWS + thread.x];
    barrier();
    let sum = f32(0);
    for (let k = 0; k < ROWS; k += 4) {
      loadVector(four, tile[thread.x][k]);
      sum += four[0] + four[1] + four[2] + four[3];
    }
    y[block.x][thread.x] = sum;
  },
);

export const wide_rows_broken = kernel(
  { x: input(f32, ["B", 1024]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [ROWS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f32, [ROWS, ROWS]);
    const four = registers(f32, [4]);
    for (let r = 0; r < ROWS; r++) tile[r][thread.x] = x[block.x][r * ROWS + thread.x];
    barrier();
    let sum = f32(0);
    for (let k = 0; k < ROWS; k += 4) {
      loadVector(four, tile[thread.x][k]);
      sum += four[0] + four[1] + four[2] + four[3];
    }
    y[block.x][thread.x] = sum;
  },
);
