import { barrier, block, f32, i32, input, kernel, mod, output, scalar, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Tokens of a tile are staged, neighbours are mixed over a number of rounds, then the tile is written reversed.
 *
 * Broken: the only barrier between staging and the reversed read is the one inside the loop. With 0 rounds, a setting
 * that nobody tests, there is none.
 */
export const zero_rounds_correct = kernel(
  { x: input(f32, ["B", 64]), rounds: scalar(i32), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, rounds, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = x[block.x][thread.x];
    barrier();
    for (let r = 0; r < rounds; r++) {
      const mixed = 0.5 * (tile[thread.x] + tile[mod(thread.x + 1, THREADS)]);
      barrier();
      tile[thread.x] = mixed;
      barrier();
    }
    y[block.x][thread.x] = tile[THREADS - 1 - thread.x];
  },
);

export const zero_rounds_broken = kernel(
  { x: input(f32, ["B", 64]), rounds: scalar(i32), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, rounds, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = x[block.x][thread.x];
    for (let r = 0; r < rounds; r++) {
      barrier();
      const mixed = 0.5 * (tile[thread.x] + tile[mod(thread.x + 1, THREADS)]);
      barrier();
      tile[thread.x] = mixed;
      barrier();
    }
    y[block.x][thread.x] = tile[THREADS - 1 - thread.x];
  },
);
