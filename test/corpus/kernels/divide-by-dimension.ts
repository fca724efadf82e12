import { block, ceilDiv, f32, input, kernel, mod, output, requires, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * Adds a bias that repeats along a vector: element i takes bias number i mod P.
 *
 * Broken: an empty bias, P = 0, is a legal tensor, and integer division by 0 is undefined: an exception on a CPU, an
 * arbitrary index on a GPU.
 */
export const periodic_bias_correct = kernel(
  { x: input(f32, ["N"]), bias: input(f32, ["P"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, bias, y }, { N, P }) => {
    requires(P >= 1);
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = x[i] + bias[mod(i, P)];
  },
);

export const periodic_bias_broken = kernel(
  { x: input(f32, ["N"]), bias: input(f32, ["P"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, bias, y }, { N, P }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = x[i] + bias[mod(i, P)];
  },
);
