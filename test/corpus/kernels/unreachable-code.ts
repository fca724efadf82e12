import { block, ceilDiv, f32, i32, inout, kernel, requires, scalar, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Clears the tail of a row behind its length.
 *
 * Broken: the guard's comparison is turned around where the early return stands already, so that nothing is left to clear.
 * No access can go wrong in code that never runs; the stale tail shows up in the next kernel.
 */
export const unreachable_correct = kernel(
  { length: scalar(i32), y: inout(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS] },
  ({ length, y }, { N }) => {
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    if (n >= length) y[block.y][n] = f32(0);
  },
);

export const unreachable_broken = kernel(
  { length: scalar(i32), y: inout(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS] },
  ({ length, y }, { N }) => {
    requires(length <= N);
    const n = block.x * THREADS + thread.x;
    if (n >= length) return;
    if (n >= N) y[block.y][n] = f32(0);
  },
);
