import { barrier, block, div, f32, input, kernel, output, scalar, shared, sqrt, thread } from "tokitai/dsl";
import { geluTanh } from "./math.ts";

const THREADS = 128;

/**
 * y = gelu(LayerNorm(x)) over each row, the tanh approximation of GELU
 *
 * One block per row. Mean and variance are sums over the row, each thread taking every THREADS-th column, then a tree
 * over the threads. The variance is that of the centred values, so that a large mean costs no digits.
 */
export const layer_norm_gelu_tanh = kernel(
  {
    x: input(f32, ["B", "N"]),
    gamma: input(f32, ["N"]),
    beta: input(f32, ["N"]),
    epsilon: scalar(f32),
    y: output(f32, ["B", "N"]),
  },
  {
    computes: "layer_norm_gelu_tanh",
    grid: ({ B }) => [B],
    block: [THREADS],
    performance: { coalesced: ["x", "gamma", "beta", "y"], conflictFree: ["partial"] },
    budget: { vgprs: 24, lds: 512, scratch: 0 },
  },
  ({ x, gamma, beta, epsilon, y }, { N }) => {
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
    for (let n = thread.x; n < N; n += THREADS) {
      y[b][n] = geluTanh((x[b][n] - mean) * scale * gamma[n] + beta[n]);
    }
  },
);
