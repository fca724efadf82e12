import { barrier, block, f32, i32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Each block gathers 64 elements from where its segment starts; one thread looks that up for all.
 *
 * Broken: the start is read without a barrier after the leader's store. The leader's own wave usually sees it; the other
 * one reads what the block before left in shared memory.
 */
export const leader_broadcast_correct = kernel(
  { starts: input(i32, ["S"]), x: input(f32, ["N"]), y: output(f32, ["S", 64]) },
  { grid: ({ S }) => [S], block: [THREADS] },
  ({ starts, x, y }, { N }) => {
    const start = shared(i32, [1]);
    if (thread.x === 0) start[0] = starts[block.x];
    barrier();
    const i = start[0] + thread.x;
    y[block.x][thread.x] = 0 <= i && i < N ? x[i] : f32(0);
  },
);

export const leader_broadcast_broken = kernel(
  { starts: input(i32, ["S"]), x: input(f32, ["N"]), y: output(f32, ["S", 64]) },
  { grid: ({ S }) => [S], block: [THREADS] },
  ({ starts, x, y }, { N }) => {
    const start = shared(i32, [1]);
    if (thread.x === 0) start[0] = starts[block.x];
    const i = start[0] + thread.x;
    y[block.x][thread.x] = 0 <= i && i < N ? x[i] : f32(0);
  },
);
