import { barrier, block, div, f32, i32, input, kernel, mod, output, scalar, shared, thread, wave } from "tokitai/dsl";

const THREADS = 64;
const LANES = 32;

/**
 * Each wave turns its own 32 elements of a tile around, several times, with wave barriers only.
 *
 * Broken: the mirror image is taken over the whole tile, not over the wave's half. The other half belongs to a wave that
 * is in another round.
 */
export const wave_private_correct = kernel(
  { x: input(f32, ["B", 64]), rounds: scalar(i32), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, rounds, y }) => {
    const tile = shared(f32, [THREADS]);
    const first = div(thread.x, LANES) * LANES;
    tile[thread.x] = x[block.x][thread.x];
    wave.barrier();
    for (let r = 0; r < rounds; r++) {
      const other = tile[first + LANES - 1 - mod(thread.x, LANES)];
      wave.barrier();
      tile[thread.x] = 0.5 * other;
      wave.barrier();
    }
    y[block.x][thread.x] = tile[thread.x];
  },
);

export const wave_private_broken = kernel(
  { x: input(f32, ["B", 64]), rounds: scalar(i32), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, rounds, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = x[block.x][thread.x];
    barrier();
    for (let r = 0; r < rounds; r++) {
      const other = tile[THREADS - 1 - thread.x];
      wave.barrier();
      tile[thread.x] = 0.5 * other;
      wave.barrier();
    }
    y[block.x][thread.x] = tile[thread.x];
  },
);
