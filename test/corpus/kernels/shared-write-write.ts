import { barrier, block, div, f32, input, kernel, mod, output, shared, thread } from "tokitai/dsl";

const THREADS = 64;
const WAVES = 2;
const LANES = 32;

/**
 * A row's sum in two stages: per wave, then over the waves.
 *
 * Broken: the slot of a thread's partial sum was to be padded by one per wave, but is its lane plus its wave, so that
 * thread 32 shares a slot with thread 1. One of the two sums is lost; which one depends on the hardware.
 */
export const two_stage_sum_correct = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [WAVES, LANES + 1]);
    const w = div(thread.x, LANES);
    const lane = mod(thread.x, LANES);
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[block.x][n];
    partial[w][lane] = sum;
    barrier();
    if (thread.x > 0) return;
    let total = f32(0);
    for (let v = 0; v < WAVES; v++) {
      for (let l = 0; l < LANES; l++) total += partial[v][l];
    }
    y[block.x] = total;
  },
);

export const two_stage_sum_broken = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS + WAVES]);
    const w = div(thread.x, LANES);
    const lane = mod(thread.x, LANES);
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[block.x][n];
    partial[thread.x] = f32(0);
    barrier();
    partial[lane + w] = sum;
    barrier();
    if (thread.x > 0) return;
    let total = f32(0);
    for (let k = 0; k < THREADS; k++) total += partial[k];
    y[block.x] = total;
  },
);
