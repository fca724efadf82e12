import { barrier, block, f32, i32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Rows of different lengths are copied through a tile; a row shorter than the tile needs no second tile.
 *
 * Broken: each thread asks its own column's length, not its row's. Threads of one block then disagree on whether there is
 * a barrier, and the block hangs on hardware that counts arrivals, or reads stale data on hardware that does not.
 */
export const data_barrier_correct = kernel(
  { x: input(f32, ["B", 128]), lengths: input(i32, ["B"]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, lengths, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = x[block.x][thread.x];
    barrier();
    if (lengths[block.x] > THREADS) {
      const ahead = x[block.x][thread.x + THREADS];
      barrier();
      tile[thread.x] += ahead;
      barrier();
    }
    y[block.x][thread.x] = tile[THREADS - 1 - thread.x];
  },
);

export const data_barrier_broken = kernel(
  { x: input(f32, ["B", 128]), lengths: input(i32, [64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, lengths, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = x[block.x][thread.x];
    barrier();
    if (lengths[thread.x] > THREADS) {
      tile[thread.x] += x[block.x][thread.x + THREADS];
      barrier();
    }
    y[block.x][thread.x] = tile[thread.x];
  },
);
