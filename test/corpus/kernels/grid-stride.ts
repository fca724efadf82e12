import { block, f32, input, kernel, output, sqrt, thread } from "tokitai/dsl";

const THREADS = 64;
const BLOCKS = 120;

/**
 * As many blocks as the GPU holds at once walk over a vector of any length with the stride of the whole grid.
 *
 * Broken: the stride is one block short, as after the grid was enlarged and the constant was not. Elements are done twice
 * from the second round on, by different blocks; for an update in place that is a wrong result.
 */
export const grid_stride_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: () => [BLOCKS], block: [THREADS] },
  ({ x, y }, { N }) => {
    for (let i = block.x * THREADS + thread.x; i < N; i += BLOCKS * THREADS) y[i] = sqrt(x[i]);
  },
);

export const grid_stride_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: () => [BLOCKS], block: [THREADS] },
  ({ x, y }, { N }) => {
    for (let i = block.x * THREADS + thread.x; i < N; i += (BLOCKS - 1) * THREADS) y[i] = sqrt(x[i]);
  },
);
