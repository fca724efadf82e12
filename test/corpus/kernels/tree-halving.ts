import { barrier, block, div, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The sum of each row by a tree whose stride halves: the lower half of the threads adds the upper half.
 *
 * Broken: one barrier after the loop instead of one per round. Where the whole tree runs in one wave it works by luck;
 * with two waves the lower one adds partial sums that the upper one has not finished.
 */
export const tree_halving_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[block.x][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    if (thread.x === 0) y[block.x] = partial[0];
  },
);

export const tree_halving_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[block.x][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
    }
    barrier();
    if (thread.x === 0) y[block.x] = partial[0];
  },
);
