import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Marks the places where a staged sequence changes its sign.
 *
 * Broken: the neighbour is read in a condition, where a barrier is easily overlooked to be missing. The branch is taken
 * by what the neighbour's place held before.
 */
export const sign_changes_correct = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const tile = shared(f32, [THREADS]);
    const own = x[block.x][thread.x];
    tile[thread.x] = own;
    barrier();
    const changes = thread.x > 0 && tile[thread.x - 1] * own < 0.0;
    y[block.x][thread.x] = changes ? f32(1) : f32(0);
  },
);

export const sign_changes_broken = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const tile = shared(f32, [THREADS]);
    tile[thread.x] = f32(0);
    barrier();
    const own = x[block.x][thread.x];
    tile[thread.x] = own;
    const changes = thread.x > 0 && tile[thread.x - 1] * own < 0.0;
    barrier();
    y[block.x][thread.x] = changes ? f32(1) : f32(0);
  },
);
