import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * A tile is staged by the threads that have an element, then read reversed.
 *
 * Broken: the barrier stands inside the guard, with the store that it follows. In the last block some threads never
 * arrive: a hang, or on hardware that releases the barrier anyway a race.
 */
export const barrier_in_branch_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS]);
    const i = block.x * THREADS + thread.x;
    tile[thread.x] = f32(0);
    if (i < N) tile[thread.x] = x[i];
    barrier();
    if (i < N) y[i] = tile[THREADS - 1 - thread.x];
  },
);

export const barrier_in_branch_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const tile = shared(f32, [THREADS]);
    const i = block.x * THREADS + thread.x;
    tile[thread.x] = f32(0);
    if (i < N) {
      tile[thread.x] = x[i];
      barrier();
      y[i] = tile[thread.x];
    }
  },
);
