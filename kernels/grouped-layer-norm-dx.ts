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

const THREADS = 128;

/**
 * dx = (g − mean(g) − x̂·mean(g·x̂))/√(variance + epsilon) over each row p, with g = dy·gamma[expert[p]] and x̂ the standardised x
 *
 * One block per row, with the gamma of its expert. Mean and variance as in grouped_layer_norm; then both means of the gradient in one
 * tree.
 */
export const grouped_layer_norm_dx = kernel(
  {
    x: input(f32, ["T", "N"]),
    gamma: input(f32, ["E", "N"]),
    dy: input(f32, ["T", "N"]),
    expert: input(i32, ["T"]),
    epsilon: scalar(f32),
    dx: output(f32, ["T", "N"]),
  },
  {
    computes: "grouped_layer_norm_dx",
    grid: ({ T }) => [T],
    block: [THREADS],
    performance: { coalesced: ["x", "gamma", "dy", "expert", "dx"], conflictFree: ["slopes", "partial"] },
    budget: { vgprs: 48, lds: 1024, scratch: 0 },
  },
  ({ x, gamma, dy, expert, epsilon, dx }, { T, E, N }) => {
    requires(forall([T], (p) => 0 <= expert[p] && expert[p] < E));
    const slopes = shared(f32, [THREADS]);
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
    // Every thread has read the variance before the tree is used again.
    barrier();
    let gradients = f32(0);
    let products = f32(0);
    for (let n = thread.x; n < N; n += THREADS) {
      const gradient = dy[p][n] * gamma[expert[p]][n];
      gradients += gradient;
      products += gradient * ((x[p][n] - mean) * scale);
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
      const standard = (x[p][n] - mean) * scale;
      dx[p][n] = (dy[p][n] * gamma[expert[p]][n] - shift - standard * slope) * scale;
    }
  },
);
