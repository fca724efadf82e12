import { block, ceilDiv, f32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * Adds a residual in place; a leftover third axis of the grid has two blocks.
 *
 * Broken: the kernel never looks at the third axis. Each element is updated by two blocks at the same time: added once,
 * twice, or in between.
 */
export const residual_correct = kernel(
  { x: input(f32, ["B", "N"]), y: inout(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, 2 * THREADS), B, 2], block: [THREADS] },
  ({ x, y }, { N }) => {
    const n = (block.x * 2 + block.z) * THREADS + thread.x;
    if (n < N) y[block.y][n] += x[block.y][n];
  },
);

export const residual_broken = kernel(
  { x: input(f32, ["B", "N"]), y: inout(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B, 2], block: [THREADS] },
  ({ x, y }, { N }) => {
    const n = block.x * THREADS + thread.x;
    if (n < N) y[block.y][n] += x[block.y][n];
  },
);
