import { block, ceilDiv, f32, inout, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * One relaxation step of a one-dimensional diffusion.
 *
 * Broken: the step is made in place, to save a buffer. A thread reads neighbours that may or may not have taken their
 * step, within a block and across its borders: the scheme is then neither Jacobi's nor Gauss and Seidel's.
 */
export const relax_correct = kernel(
  { u: input(f32, ["N"]), v: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ u, v }, { N }) => {
    const i = block.x * THREADS + thread.x;
    if (i >= N) return;
    const inner = 0 < i && i < N - 1;
    v[i] = inner ? 0.5 * u[i] + 0.25 * (u[i - 1] + u[i + 1]) : u[i];
  },
);

export const relax_broken = kernel(
  { u: inout(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ u }, { N }) => {
    const i = block.x * THREADS + thread.x;
    const inner = 0 < i && i < N - 1;
    if (inner) u[i] = 0.5 * u[i] + 0.25 * (u[i - 1] + u[i + 1]);
  },
);
