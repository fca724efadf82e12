import { barrier, block, f16, f32, input, kernel, loadVector, output, registers, shared, thread } from "tokitai/dsl";

const ROWS = 32;

/**
 * Sums of the rows of 32 by 64 halves, which each thread reads in vectors of eight. Two neighbours share a word, and a bank.
 *
 * Broken: a row of 64 halves is as long as all banks are wide, so that all threads read from the same four.
 */
export const wide_halves_correct = kernel(
  { x: input(f16, ["B", 2048]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [ROWS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f16, [ROWS, 64 + 8]);
    const eight = registers(f16, [8]);
    for (let r = 0; r < ROWS; r++) {
      tile[r][thread.x] = x[block.x][r * 64 + thread.x];
      tile[r][thread.x + ROWS] = x[block.x][r * 64 + ROWS + thread.x];
    }
    barrier();
    let sum = f32(0);
    for (let k = 0; k < 64; k += 8) {
      loadVector(eight, tile[thread.x][k]);
      for (let i = 0; i < 8; i++) sum += f32(eight[i]);
    }
    y[block.x][thread.x] = sum;
  },
);

export const wide_halves_broken = kernel(
  { x: input(f16, ["B", 2048]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [ROWS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f16, [ROWS, 64]);
    const eight = registers(f16, [8]);
    for (let r = 0; r < ROWS; r++) {
      tile[r][thread.x] = x[block.x][r * 64 + thread.x];
      tile[r][thread.x + ROWS] = x[block.x][r * 64 + ROWS + thread.x];
    }
    barrier();
    let sum = f32(0);
    for (let k = 0; k < 64; k += 8) {
      loadVector(eight, tile[thread.x][k]);
      for (let i = 0; i < 8; i++) sum += f32(eight[i]);
    }
    y[block.x][thread.x] = sum;
  },
);
