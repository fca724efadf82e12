import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * A three-point average over a tile with a cell of halo on either side.
 *
 * Broken: the halo is filled only where there is a neighbour, so that the first and the last tile read cells that nobody
 * set. Shared memory keeps what an earlier kernel left: the edges are wrong in one run of many.
 */
export const tile_edge_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS + 2]);
    const i = block.x * THREADS + thread.x;
    tile[thread.x + 1] = i < N ? x[i] : f32(0);
    if (thread.x === 0) tile[0] = i > 0 ? x[i - 1] : f32(0);
    if (thread.x === THREADS - 1) tile[THREADS + 1] = i + 1 < N ? x[i + 1] : f32(0);
    barrier();
    if (i < N) y[i] = (tile[thread.x] + tile[thread.x + 1] + tile[thread.x + 2]) / 3.0;
  },
);

export const tile_edge_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS + 2]);
    const i = block.x * THREADS + thread.x;
    tile[thread.x + 1] = i < N ? x[i] : f32(0);
    if (thread.x === 0 && i > 0) tile[0] = x[i - 1];
    if (thread.x === THREADS - 1) tile[THREADS + 1] = i + 1 < N ? x[i + 1] : f32(0);
    barrier();
    if (i < N) y[i] = (tile[thread.x] + tile[thread.x + 1] + tile[thread.x + 2]) / 3.0;
  },
);
