import { block, ceilDiv, f32, input, kernel, min, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The sum of each feature over a batch, as for the gradient of a bias.
 *
 * Broken: the second axis of the grid is 0 for an empty batch, to skip what looks like no work. Nothing is launched, and
 * the gradient that should be 0 is whatever the buffer held.
 */
export const empty_grid_correct = kernel(
  { dy: input(f32, ["B", "N"]), dbias: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ dy, dbias }, { B, N }) => {
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    let sum = f32(0);
    for (let b = 0; b < B; b++) sum += dy[b][n];
    dbias[n] = sum;
  },
);

export const empty_grid_broken = kernel(
  { dy: input(f32, ["B", "N"]), dbias: output(f32, ["N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), min(B, 1)], block: [THREADS] },
  ({ dy, dbias }, { B, N }) => {
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    let sum = f32(0);
    for (let b = 0; b < B; b++) sum += dy[b][n];
    dbias[n] = sum;
  },
);
