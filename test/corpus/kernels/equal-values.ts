import { abs, atomicMax, block, ceilDiv, f32, i32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 256;

/**
 * Raises a flag when any element of a tensor is not finite, for a training loop that then skips its step.
 *
 * Broken: every thread that sees one writes the same 1. That works on the hardware at hand, but is a data race by every
 * memory model; a compiler may split, widen or drop such a store.
 */
export const overflow_flag_correct = kernel(
  { x: input(f32, ["N"]), flag: inout(i32, [1]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, flag }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N && !(abs(x[i]) <= 3e38)) atomicMax(flag[0], 1);
  },
);

export const overflow_flag_broken = kernel(
  { x: input(f32, ["N"]), flag: inout(i32, [1]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, flag }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N && !(abs(x[i]) <= 3e38)) flag[0] = 1;
  },
);
