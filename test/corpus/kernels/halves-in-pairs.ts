import { block, ceilDiv, div, f16, f32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Converts floats to half precision.
 *
 * Broken: whoever wrote it had packed words in mind, two halves to each, and gives two threads one element.
 */
export const halves_in_pairs_correct = kernel(
  { x: input(f32, ["N"]), y: inout(f16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = f16(x[i]);
  },
);

export const halves_in_pairs_broken = kernel(
  { x: input(f32, ["N"]), y: inout(f16, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[div(i, 2)] = f16(x[i]);
  },
);
