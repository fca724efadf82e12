import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;
const TAPS = 4;

/**
 * A causal convolution with four taps over time, as at the entrance of a state-space model.
 *
 * Broken: the guard against the past's beginning asks for the oldest tap to be in range only from above. The first three
 * steps read before the row: the end of the row above, and in row 0 memory of another tensor.
 */
export const causal_taps_correct = kernel(
  { x: input(f32, ["B", "T"]), taps: input(f32, [4]), y: output(f32, ["B", "T"]) },
  { grid: ({ B, T }) => [ceilDiv(T, THREADS), B], block: [THREADS] },
  ({ x, taps, y }, { T }) => {
    const b = block.y;
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    let sum = f32(0);
    for (let k = 0; k < TAPS; k++) {
      if (t - k >= 0) sum += taps[k] * x[b][t - k];
    }
    y[b][t] = sum;
  },
);

export const causal_taps_broken = kernel(
  { x: input(f32, ["B", "T"]), taps: input(f32, [4]), y: output(f32, ["B", "T"]) },
  { grid: ({ B, T }) => [ceilDiv(T, THREADS), B], block: [THREADS] },
  ({ x, taps, y }, { T }) => {
    const b = block.y;
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    let sum = f32(0);
    for (let k = 0; k < TAPS; k++) {
      if (t - k < T) sum += taps[k] * x[b][t - k];
    }
    y[b][t] = sum;
  },
);
