import { block, f32, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * A kernel for a width that fits its tile, which two people have specialised.
 *
 * Broken: one requires at least 128 columns, the other at most 64. No launch meets both, so that every proof about the
 * kernel holds of nothing; that the read is out of bounds can no longer be seen.
 */
export const contradiction_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    requires(N >= 32);
    requires(N <= 64);
    if (thread.x === 0) y[block.x] = x[block.x][31];
  },
);

export const contradiction_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    requires(N >= 128);
    requires(N <= 64);
    if (thread.x === 0) y[block.x] = x[block.x][N];
  },
);
