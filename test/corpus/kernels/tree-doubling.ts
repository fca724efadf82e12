import { barrier, block, f32, input, kernel, max, mod, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The largest element of each row by a tree whose stride doubles: every second, fourth, eighth thread works.
 *
 * Broken: the guard selects multiples of s instead of 2·s, a slip when the loop is turned around. Neighbours then read
 * what the other overwrites in the same round. For a maximum the result is right all the same, until someone copies the
 * tree for a sum.
 */
export const tree_doubling_correct = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const partial = shared(f32, [THREADS]);
    partial[thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = 1; s < THREADS; s *= 2) {
      if (mod(thread.x, 2 * s) === 0) partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      barrier();
    }
    if (thread.x === 0) y[block.x] = partial[0];
  },
);

export const tree_doubling_broken = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const partial = shared(f32, [THREADS]);
    partial[thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = 1; s < THREADS; s *= 2) {
      if (mod(thread.x, s) === 0 && thread.x + s < THREADS) {
        partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      }
      barrier();
    }
    if (thread.x === 0) y[block.x] = partial[0];
  },
);
