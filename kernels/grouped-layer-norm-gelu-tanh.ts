import {
  barrier,
  block,
  div,
  f32,
  forall,
  i32,
  input,
  kernel,
  output,
  requires,
  scalar,
  shared,
  sqrt,
  thread,
} from "tokitai/dsl";
import { geluTanh } from "./math.ts";

const THREADS = 128;

/**
 * y = gelu(LayerNorm(x)) over each row p, with gamma and beta of expert[p] and the tanh approximation of GELU
 *
 * One block per row, with the parameters of its expert. Mean and variance are sums over the row, each thread taking
 * every THREADS-th column, then a tree over the threads. The variance is that of the centred values, so that a large
 * mean costs no digits.
 */
export const grouped_layer_norm_gelu_tanh = kernel(
  {
    x: input(f32, ["T", "N"]),
    gamma: input(f32, ["E", "N"]),
    beta: input(f32, ["E", "N"]),
    expert: input(i32, ["T"]),
    epsilon: scalar(f32),
    y: output(f32, ["T", "N"]),
  },
  {
    computes: "grouped_layer_norm_gelu_tanh",
    grid: ({ T }) => [T],
    block: [THREADS],
    performance: { coalesced: ["x", "gamma", "beta", "expert", "y"], conflictFree: ["partial"] },
    budget: { vgprs: 24, lds: 512, scratch: 0 },
  },
  ({ x, gamma, beta, expert, epsilon, y }, { T, E, N }) => {
    requires(forall([T], (p) => 0 <= expert[p] && expert[p] < E));
    const partial = shared(f32, [THREADS]);
    const p = block.x;
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[p][n];
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
      const centred = x[p][n] - mean;
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
      y[p][n] = geluTanh((x[p][n] - mean) * scale * gamma[expert[p]][n] + beta[expert[p]][n]);
    }
  },
);
