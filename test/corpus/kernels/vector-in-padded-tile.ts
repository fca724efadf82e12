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
  storeVector,
  thread,
} from "tokitai/dsl";

const THREADS = 16;

/**
 * Stages rows of 16 floats as vectors of four, in a tile that is padded against bank conflicts.
 *
 * Broken: the padding is one float, as for single elements. Every row but each fourth then starts at an address that is
 * no multiple of 16 bytes; the padding of a tile of vectors is a whole vector.
 */
export const padded_vectors_correct = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const tile = shared(f32, [4, 20]);
    const four = registers(f32, [4]);
    loadVector(four, x[block.x][thread.x * 4]);
    storeVector(tile[div(thread.x, 4)][mod(thread.x, 4) * 4], four);
    barrier();
    for (let c = 0; c < 4; c++) y[block.x][c * 16 + thread.x] = tile[c][15 - thread.x];
  },
);

export const padded_vectors_broken = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const tile = shared(f32, [4, 17]);
    const four = registers(f32, [4]);
    loadVector(four, x[block.x][thread.x * 4]);
    storeVector(tile[div(thread.x, 4)][mod(thread.x, 4) * 4], four);
    barrier();
    for (let c = 0; c < 4; c++) y[block.x][c * 16 + thread.x] = tile[c][15 - thread.x];
  },
);
