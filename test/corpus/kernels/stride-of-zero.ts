import { block, ceilDiv, f32, i32, inout, input, kernel, requires, scalar, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Adds to every `stride`-th element, as a strided view of a tensor asks for.
 *
 * Broken: a stride of 0 is a broadcast view, and then all threads update one element. Every other value of the stride is
 * fine, which is why no test with a real stride finds it.
 */
export const stride_of_zero_correct = kernel(
  { x: input(f32, ["N"]), stride: scalar(i32), y: inout(f32, ["M"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, stride, y }, { N, M }) => {
    requires(stride >= 1);
    const i = block.x * THREADS + thread.x;
    if (i < N && i * stride < M) y[i * stride] += x[i];
  },
);

export const stride_of_zero_broken = kernel(
  { x: input(f32, ["N"]), stride: scalar(i32), y: inout(f32, ["M"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, stride, y }, { N, M }) => {
    requires(stride >= 0);
    const i = block.x * THREADS + thread.x;
    if (i < N && i * stride < M) y[i * stride] += x[i];
  },
);
