import { barrier, block, div, f32, i32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;
const WAVE = 32;
const WAVES = 2;

/**
 * Smooths a row as many times as the data ask for. One thread fetches the number of rounds, and all read it from shared
 * memory after a barrier, so that they agree on it.
 *
 * Broken: the first thread of each wave fetches a number for its wave. The waves then go through the loop, and its
 * barriers, a different number of times.
 */
export const rounds_correct = kernel(
  { x: input(f32, ["B", 64]), rounds: input(i32, ["B"]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, rounds, y }) => {
    const counts = shared(i32, [1]);
    const tile = shared(f32, [THREADS]);
    if (thread.x === 0) counts[0] = rounds[block.x];
    tile[thread.x] = x[block.x][thread.x];
    barrier();
    const count = counts[0];
    for (let r = 0; r < count; r++) {
      const left = thread.x > 0 ? tile[thread.x - 1] : f32(0);
      barrier();
      tile[thread.x] = 0.5 * (tile[thread.x] + left);
      barrier();
    }
    y[block.x][thread.x] = tile[thread.x];
  },
);

export const rounds_broken = kernel(
  { x: input(f32, ["B", 64]), rounds: input(i32, ["B", 2]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, rounds, y }) => {
    const counts = shared(i32, [WAVES]);
    const tile = shared(f32, [THREADS]);
    const own = div(thread.x, WAVE);
    if (mod(thread.x, WAVE) === 0) counts[own] = rounds[block.x][own];
    tile[thread.x] = x[block.x][thread.x];
    barrier();
    const count = counts[own];
    for (let r = 0; r < count; r++) {
      const left = thread.x > 0 ? tile[thread.x - 1] : f32(0);
      barrier();
      tile[thread.x] = 0.5 * (tile[thread.x] + left);
      barrier();
    }
    y[block.x][thread.x] = tile[thread.x];
  },
);
