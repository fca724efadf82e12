import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * A three-point stencil over a tile with a halo on both sides.
 *
 * Broken: the right halo's guard is that of the element itself, off by one for its neighbour. Whenever the last element
 * falls on the last thread of a block, the read is one past the end.
 */
export const stencil_halo_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS + 2]);
    const i = block.x * THREADS + thread.x;
    tile[thread.x + 1] = i < N ? x[i] : f32(0);
    if (thread.x === 0) tile[0] = i > 0 ? x[i - 1] : f32(0);
    if (thread.x === THREADS - 1) tile[thread.x + 2] = i + 1 < N ? x[i + 1] : f32(0);
    barrier();
    if (i < N) y[i] = tile[thread.x] - 2.0 * tile[thread.x + 1] + tile[thread.x + 2];
  },
);

export const stencil_halo_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS + 2]);
    const i = block.x * THREADS + thread.x;
    tile[thread.x + 1] = i < N ? x[i] : f32(0);
    if (thread.x === 0) tile[0] = i > 0 ? x[i - 1] : f32(0);
    if (thread.x === THREADS - 1) tile[thread.x + 2] = i < N ? x[i + 1] : f32(0);
    barrier();
    if (i < N) y[i] = tile[thread.x] - 2.0 * tile[thread.x + 1] + tile[thread.x + 2];
  },
);
