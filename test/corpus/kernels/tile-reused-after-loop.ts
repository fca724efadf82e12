import { barrier, block, f32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Column sums by tiles, then the sums are handed to neighbours through the same tile.
 *
 * Broken: the loop's barriers separate its rounds, but after the last one the tile is overwritten while slow threads are
 * still reading it.
 */
export const epilogue_correct = kernel(
  { x: input(f32, ["N", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS]);
    let sum = f32(0);
    for (let n = 0; n < N; n++) {
      barrier();
      tile[thread.x] = x[n][thread.x];
      barrier();
      sum += tile[THREADS - 1 - thread.x];
    }
    barrier();
    tile[thread.x] = sum;
    barrier();
    y[block.x][thread.x] = sum - tile[mod(thread.x + 1, THREADS)];
  },
);

export const epilogue_broken = kernel(
  { x: input(f32, ["N", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS]);
    let sum = f32(0);
    for (let n = 0; n < N; n++) {
      barrier();
      tile[thread.x] = x[n][thread.x];
      barrier();
      sum += tile[THREADS - 1 - thread.x];
    }
    tile[thread.x] = sum;
    barrier();
    y[block.x][thread.x] = sum - tile[mod(thread.x + 1, THREADS)];
  },
);
