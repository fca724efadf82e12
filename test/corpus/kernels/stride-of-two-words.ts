import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * y[b] = x[b,0] + … + x[b,127], by a tree in shared memory. Written out for its first two steps.
 *
 * Broken: neighbours are added, so that the threads of a wave are two words apart: thread t and thread t + 16 share a bank.
 */
export const pairs_correct = kernel(
  { x: input(f32, ["B", 128]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["part"] } },
  ({ x, y }) => {
    const part = shared(f32, [THREADS]);
    part[thread.x] = x[block.x][thread.x] + x[block.x][thread.x + THREADS];
    barrier();
    if (thread.x < 32) y[block.x][thread.x] = part[thread.x] + part[thread.x + 32];
  },
);

export const pairs_broken = kernel(
  { x: input(f32, ["B", 128]), y: output(f32, ["B", 32]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["part"] } },
  ({ x, y }) => {
    const part = shared(f32, [THREADS]);
    part[thread.x] = x[block.x][thread.x] + x[block.x][thread.x + THREADS];
    barrier();
    if (thread.x < 32) y[block.x][thread.x] = part[2 * thread.x] + part[2 * thread.x + 1];
  },
);
