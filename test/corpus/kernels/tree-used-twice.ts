import { abs, barrier, block, div, f32, input, kernel, max, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Centres each row and scales it by its largest magnitude: two trees over one shared array.
 *
 * Broken: no barrier between reading the first tree's result and filling the second. A thread that is late reads, instead
 * of the sum, the first partial maximum.
 */
export const tree_twice_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    const b = block.x;
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[b][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const mean = partial[0] / f32(N);
    barrier();
    let largest = f32(0);
    for (let n = thread.x; n < N; n += THREADS) largest = max(largest, abs(x[b][n] - mean));
    partial[thread.x] = largest;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      barrier();
    }
    const scale = partial[0];
    for (let n = thread.x; n < N; n += THREADS) y[b][n] = (x[b][n] - mean) / scale;
  },
);

export const tree_twice_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    const b = block.x;
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[b][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const mean = partial[0] / f32(N);
    let largest = f32(0);
    for (let n = thread.x; n < N; n += THREADS) largest = max(largest, abs(x[b][n] - mean));
    partial[thread.x] = largest;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      barrier();
    }
    const scale = partial[0];
    for (let n = thread.x; n < N; n += THREADS) y[b][n] = (x[b][n] - mean) / scale;
  },
);
