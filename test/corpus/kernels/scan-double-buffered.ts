import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Hillis and Steele's scan with two buffers, which needs one barrier per round.
 *
 * Broken: the buffers are never exchanged, after the exchange was moved to the top of the loop and lost. Reads and writes
 * of a round meet in one buffer, with the one barrier after both.
 */
export const scan_buffers_correct = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const sums = shared(f32, [2, THREADS]);
    let from = 0;
    sums[0][thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = 1; s < THREADS; s *= 2) {
      const to = 1 - from;
      sums[to][thread.x] = sums[from][thread.x] + (thread.x >= s ? sums[from][thread.x - s] : f32(0));
      from = to;
      barrier();
    }
    y[block.x][thread.x] = sums[from][thread.x];
  },
);

export const scan_buffers_broken = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const sums = shared(f32, [2, THREADS]);
    const from = 0;
    sums[0][thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = 1; s < THREADS; s *= 2) {
      const to = from;
      sums[to][thread.x] = sums[from][thread.x] + (thread.x >= s ? sums[from][thread.x - s] : f32(0));
      barrier();
    }
    y[block.x][thread.x] = sums[from][thread.x];
  },
);
