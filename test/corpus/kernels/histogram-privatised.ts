import { atomicAdd, barrier, block, ceilDiv, i32, inout, input, kernel, mod, shared, thread } from "tokitai/dsl";

const THREADS = 64;
const BINS = 256;

/**
 * A histogram with a private copy per block in shared memory, merged into the global one at the end.
 *
 * Broken: no barrier after the bins are cleared. A thread that is late clears bins into which others have counted
 * already, and the histogram comes out a little short.
 */
export const histogram_correct = kernel(
  { values: input(i32, ["N"]), counts: inout(i32, [256]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ values, counts }, { N }) => {
    const bins = shared(i32, [BINS]);
    for (let b = thread.x; b < BINS; b += THREADS) bins[b] = 0;
    barrier();
    const i = block.x * THREADS + thread.x;
    if (i < N) atomicAdd(bins[mod(values[i], BINS)], 1);
    barrier();
    for (let b = thread.x; b < BINS; b += THREADS) atomicAdd(counts[b], bins[b]);
  },
);

export const histogram_broken = kernel(
  { values: input(i32, ["N"]), counts: inout(i32, [256]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ values, counts }, { N }) => {
    const bins = shared(i32, [BINS]);
    for (let b = thread.x; b < BINS; b += THREADS) bins[b] = 0;
    const i = block.x * THREADS + thread.x;
    if (i < N) atomicAdd(bins[mod(values[i], BINS)], 1);
    barrier();
    for (let b = thread.x; b < BINS; b += THREADS) atomicAdd(counts[b], bins[b]);
  },
);
