import {
  barrier,
  block,
  div,
  f32,
  input,
  kernel,
  loadVector,
  mod,
  output,
  registers,
  shared,
  thread,
} from "tokitai/dsl";

const THREADS = 32;

/**
 * Sums of four neighbours each of 128 numbers, by vectors of four in two rows.
 *
 * Broken: the rows are padded by four vectors. Eight lanes in order are at eight times four banks, but MI300 serves lanes 0 to 3
 * together with lanes 20 to 23, which the padding has moved to the same banks.
 */
export const out_of_order_correct = kernel(
  { x: input(f32, ["B", 128]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f32, [2, 64]);
    const four = registers(f32, [4]);
    for (let k = 0; k < 4; k++) tile[div(k, 2)][mod(k, 2) * THREADS + thread.x] = x[block.x][k * THREADS + thread.x];
    barrier();
    loadVector(four, tile[div(thread.x, 16)][mod(thread.x, 16) * 4]);
    y[block.x][thread.x] = four[0] + four[1] + four[2] + four[3];
  },
);

export const out_of_order_broken = kernel(
  { x: input(f32, ["B", 128]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f32, [2, 80]);
    const four = registers(f32, [4]);
    for (let k = 0; k < 4; k++) tile[div(k, 2)][mod(k, 2) * THREADS + thread.x] = x[block.x][k * THREADS + thread.x];
    barrier();
    loadVector(four, tile[div(thread.x, 16)][mod(thread.x, 16) * 4]);
    y[block.x][thread.x] = four[0] + four[1] + four[2] + four[3];
  },
);
