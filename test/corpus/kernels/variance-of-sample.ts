import { block, ceilDiv, f32, input, kernel, output, scalar, sqrt, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Layer normalisation.
 *
 * Broken: the variance is divided by N − 1, as a statistics library does. The difference is 1 % at 100 channels: too
 * small for a test with a loose tolerance, too large for a model that was trained otherwise.
 */
export const variance_correct = kernel(
  {
    x: input(f32, ["B", "N"]),
    gamma: input(f32, ["N"]),
    beta: input(f32, ["N"]),
    epsilon: scalar(f32),
    y: output(f32, ["B", "N"]),
  },
  { computes: "layer_norm", grid: ({ B }) => [ceilDiv(B, THREADS)], block: [THREADS] },
  ({ x, gamma, beta, epsilon, y }, { B, N }) => {
    const b = block.x * THREADS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    for (let n = 0; n < N; n++) sum += x[b][n];
    const mean = sum / f32(N);
    let squares = f32(0);
    for (let n = 0; n < N; n++) squares += (x[b][n] - mean) * (x[b][n] - mean);
    const scale = 1.0 / sqrt(squares / f32(N) + epsilon);
    for (let n = 0; n < N; n++) y[b][n] = (x[b][n] - mean) * scale * gamma[n] + beta[n];
  },
);

export const variance_broken = kernel(
  {
    x: input(f32, ["B", "N"]),
    gamma: input(f32, ["N"]),
    beta: input(f32, ["N"]),
    epsilon: scalar(f32),
    y: output(f32, ["B", "N"]),
  },
  { computes: "layer_norm", grid: ({ B }) => [ceilDiv(B, THREADS)], block: [THREADS] },
  ({ x, gamma, beta, epsilon, y }, { B, N }) => {
    const b = block.x * THREADS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    for (let n = 0; n < N; n++) sum += x[b][n];
    const mean = sum / f32(N);
    let squares = f32(0);
    for (let n = 0; n < N; n++) squares += (x[b][n] - mean) * (x[b][n] - mean);
    const scale = 1.0 / sqrt(squares / f32(N - 1) + epsilon);
    for (let n = 0; n < N; n++) y[b][n] = (x[b][n] - mean) * scale * gamma[n] + beta[n];
  },
);
