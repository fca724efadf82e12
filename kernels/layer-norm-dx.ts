import { barrier, block, div, f32, input, kernel, output, scalar, shared, sqrt, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * dx = (g − mean(g) − x̂·mean(g·x̂))/√(variance + epsilon) over each row, with g = dy·gamma and x̂ the standardised x
 *
 * One block per row. Mean and variance as in layer_norm; then both means of the gradient in one tree.
 */
export const layer_norm_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    gamma: input(f32, ["N"]),
    dy: input(f32, ["B", "N"]),
    epsilon: scalar(f32),
    dx: output(f32, ["B", "N"]),
  },
  {
    computes: "layer_norm_dx",
    grid: ({ B }) => [B],
    block: [THREADS],
    performance: { coalesced: ["x", "gamma", "dy", "dx"], conflictFree: ["slopes", "partial"] },
    budget: { vgprs: 48, lds: 1024, scratch: 0 },
  },
  ({ x, gamma, dy, epsilon, dx }, { N }) => {
    const slopes = shared(f32, [THREADS]);
    const partial = shared(f32, [THREADS]);
    const b = block.x;
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[b][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const mean = partial[0] / f32(N);
    // Every thread has read the mean before the tree is used again.
    barrier();
    let squares = f32(0);
    for (let n = thread.x; n < N; n += THREADS) {
      const centred = x[b][n] - mean;
      squares += centred * centred;
    }
    partial[thread.x] = squares;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const scale = 1.0 / sqrt(partial[0] / f32(N) + epsilon);
    // Every thread has read the variance before the tree is used again.
    barrier();
    let gradients = f32(0);
    let products = f32(0);
    for (let n = thread.x; n < N; n += THREADS) {
      const gradient = dy[b][n] * gamma[n];
      gradients += gradient;
      products += gradient * ((x[b][n] - mean) * scale);
    }
    partial[thread.x] = gradients;
    slopes[thread.x] = products;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) {
        partial[thread.x] += partial[thread.x + s];
        slopes[thread.x] += slopes[thread.x + s];
      }
      barrier();
    }
    const shift = partial[0] / f32(N);
    const slope = slopes[0] / f32(N);
    for (let n = thread.x; n < N; n += THREADS) {
      const standard = (x[b][n] - mean) * scale;
      dx[b][n] = (dy[b][n] * gamma[n] - shift - standard * slope) * scale;
    }
  },
);
