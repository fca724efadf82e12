import { barrier, block, div, f32, input, kernel, max, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The largest element of each row.
 *
 * Broken: the last thread stores the result once more, left over from a version whose tree ended there. It reads the
 * maximum after the barrier, so that both store the same; the element still has two writers.
 */
export const row_max_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    let largest = f32(-3e38);
    for (let n = thread.x; n < N; n += THREADS) largest = max(largest, x[block.x][n]);
    partial[thread.x] = largest;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      barrier();
    }
    if (thread.x === 0) y[block.x] = partial[0];
  },
);

export const row_max_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    let largest = f32(-3e38);
    for (let n = thread.x; n < N; n += THREADS) largest = max(largest, x[block.x][n]);
    partial[thread.x] = largest;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      barrier();
    }
    if (thread.x === 0) y[block.x] = partial[0];
    barrier();
    if (thread.x === THREADS - 1) y[block.x] = partial[0];
  },
);
