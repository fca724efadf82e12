import { barrier, block, f32, input, kernel, output, registers, shared, storeVector, thread } from "tokitai/dsl";

const THREADS = 32;

/**
 * Stores pairs: 16 lanes are served at a time, and their 32 words are in 32 banks.
 *
 * Broken: a gap of one pair after each, so that lanes 0 and 8 meet.
 */
export const wide_pairs_correct = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B", 8]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f32, [128]);
    const two = registers(f32, [2]);
    two[0] = x[block.x][thread.x];
    two[1] = -x[block.x][thread.x];
    storeVector(tile[2 * thread.x], two);
    barrier();
    if (thread.x < 8) y[block.x][thread.x] = tile[4 * thread.x];
  },
);

export const wide_pairs_broken = kernel(
  { x: input(f32, ["B", 32]), y: output(f32, ["B", 8]) },
  { grid: ({ B }) => [B], block: [THREADS], performance: { conflictFree: ["tile"] } },
  ({ x, y }) => {
    const tile = shared(f32, [128]);
    const two = registers(f32, [2]);
    two[0] = x[block.x][thread.x];
    two[1] = -x[block.x][thread.x];
    storeVector(tile[4 * thread.x], two);
    barrier();
    if (thread.x < 8) y[block.x][thread.x] = tile[4 * thread.x];
  },
);
