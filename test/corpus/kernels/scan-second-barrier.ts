import { barrier, block, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Hillis and Steele's inclusive scan of a row's first 64 elements, in one shared buffer.
 *
 * Each round needs two barriers: one between all reads and the writes, one between the writes and the next round's reads.
 * Broken: the second is missing. A fast wave starts the next round and adds what a slow one has not written yet; the
 * sums are too small by whole partial sums, and only when waves drift apart.
 */
export const scan_correct = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const sums = shared(f32, [THREADS]);
    sums[thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = 1; s < THREADS; s *= 2) {
      const left = thread.x >= s ? sums[thread.x - s] : f32(0);
      barrier();
      sums[thread.x] += left;
      barrier();
    }
    y[block.x][thread.x] = sums[thread.x];
  },
);

export const scan_broken = kernel(
  { x: input(f32, ["B", 64]), y: output(f32, ["B", 64]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }) => {
    const sums = shared(f32, [THREADS]);
    sums[thread.x] = x[block.x][thread.x];
    barrier();
    for (let s = 1; s < THREADS; s *= 2) {
      const left = thread.x >= s ? sums[thread.x - s] : f32(0);
      barrier();
      sums[thread.x] += left;
    }
    y[block.x][thread.x] = sums[thread.x];
  },
);
