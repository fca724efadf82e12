import { block, ceilDiv, f32, input, kernel, output, scalar, thread } from "tokitai/dsl";

const THREADS = 256;

/**
 * Scaling a vector, one thread per element.
 *
 * Broken: the output is indexed by the thread's place in its block. With N ≤ 256 there is one block and all is well; from
 * then on every block writes the first 256 elements, and nobody the rest.
 */
export const local_id_correct = kernel(
  { x: input(f32, ["N"]), by: scalar(f32), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, by, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[i] = x[i] * by;
  },
);

export const local_id_broken = kernel(
  { x: input(f32, ["N"]), by: scalar(f32), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, by, y }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i < N) y[thread.x] = x[i] * by;
  },
);
