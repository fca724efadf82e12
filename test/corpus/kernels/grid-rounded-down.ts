import { block, ceilDiv, div, exp, f32, input, kernel, max, output, thread } from "tokitai/dsl";

const THREADS = 256;

/**
 * The gated unit of a transformer's feed-forward layer: silu(gate)·up.
 *
 * Broken: the grid is N / 256 rounded down. Widths that are multiples of 256 hide it; of any other, the last N mod 256
 * elements are never written.
 */
export const grid_rounded_correct = kernel(
  { gate: input(f32, ["N"]), up: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ gate, up, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = (gate[i] / (1.0 + exp(-gate[i]))) * up[i];
  },
);

export const grid_rounded_broken = kernel(
  { gate: input(f32, ["N"]), up: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [max(div(N, THREADS), 1)], block: [THREADS] },
  ({ gate, up, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = (gate[i] / (1.0 + exp(-gate[i]))) * up[i];
  },
);
