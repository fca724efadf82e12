import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * A running difference through a shared tile: each thread reads the element that its left neighbour has staged.
 *
 * Broken: nothing makes the neighbour's write visible before it is read. On one wave the write usually lands first, so
 * the tests pass; the first element of every second wave is then garbage under load.
 */
export const neighbour_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS]);
    const i = block.x * THREADS + thread.x;
    const own = i < N ? x[i] : f32(0);
    tile[thread.x] = own;
    barrier();
    const left = thread.x > 0 ? tile[thread.x - 1] : f32(0);
    if (i < N) y[i] = own - left;
  },
);

export const neighbour_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS]);
    const i = block.x * THREADS + thread.x;
    const own = i < N ? x[i] : f32(0);
    tile[thread.x] = own;
    const left = thread.x > 0 ? tile[thread.x - 1] : f32(0);
    if (i < N) y[i] = own - left;
  },
);
