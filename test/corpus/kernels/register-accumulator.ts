import { block, ceilDiv, f32, input, kernel, output, registers, thread } from "tokitai/dsl";

const THREADS = 64;
const COLUMNS = 4;

/**
 * Sums over rows for four columns per thread, the sums in registers.
 *
 * Broken: the registers are never set to 0. A fresh wave's registers hold what the last one left, which after an idle GPU
 * is 0 and under load is not.
 */
export const register_sums_correct = kernel(
  { x: input(f32, ["B", "N", 4]), y: output(f32, ["N", 4]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { B, N }) => {
    const sums = registers(f32, [COLUMNS]);
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    for (let c = 0; c < COLUMNS; c++) sums[c] = f32(0);
    for (let b = 0; b < B; b++) {
      for (let c = 0; c < COLUMNS; c++) sums[c] += x[b][n][c];
    }
    for (let c = 0; c < COLUMNS; c++) y[n][c] = sums[c];
  },
);

export const register_sums_broken = kernel(
  { x: input(f32, ["B", "N", 4]), y: output(f32, ["N", 4]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { B, N }) => {
    const sums = registers(f32, [COLUMNS]);
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    for (let b = 0; b < B; b++) {
      for (let c = 0; c < COLUMNS; c++) sums[c] += x[b][n][c];
    }
    for (let c = 0; c < COLUMNS; c++) y[n][c] = sums[c];
  },
);
