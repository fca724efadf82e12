import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The first half of a block stages the left operand, the second half the right one.
 *
 * Broken: each branch ends with a barrier of its own. The two are different barriers: each waits for the whole block, and
 * each sees half of it.
 */
export const both_branches_correct = kernel(
  { a: input(f32, ["B", 32]), b: input(f32, ["B", 32]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ a, b, y }) => {
    const tile = shared(f32, [THREADS]);
    if (thread.x < 32) {
      tile[thread.x] = a[block.x][thread.x];
    } else {
      tile[thread.x] = b[block.x][thread.x - 32];
    }
    barrier();
    y[block.x][thread.x] = tile[THREADS - 1 - thread.x];
  },
);

export const both_branches_broken = kernel(
  { a: input(f32, ["B", 32]), b: input(f32, ["B", 32]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ a, b, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = f32(0);
    barrier();
    if (thread.x < 32) {
      tile[thread.x] = a[block.x][thread.x];
      barrier();
    } else {
      tile[thread.x] = b[block.x][thread.x - 32];
      barrier();
    }
    y[block.x][thread.x] = tile[thread.x];
  },
);
