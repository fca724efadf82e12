import {
  block,
  covers,
  div,
  f32,
  fma,
  forall,
  i32,
  input,
  kernel,
  mod,
  output,
  registers,
  requires,
  scalar,
  simd,
  sqrt,
} from "tokitai/dsl";

/**
 * dx = scale·(g − mean(g) − z·mean(g·z)) over each row p, with g = dy·gamma[expert[p]], z the standardised x and scale 1/√(variance +
 * epsilon)
 *
 * A block has a row. The sums of its lanes are added up last; what is left of a row by its vectors is done element by element. The
 * variance is that of the centred values, so that a large mean costs no digits.
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
  { computes: "grouped_layer_norm_dx", simd: ["avx512", "avx2"], grid: ({ T }) => [T], block: [1] },
  ({ x, gamma, dy, expert, epsilon, dx }, { T, E, N }) => {
    requires(forall([T], (p) => 0 <= expert[p] && expert[p] < E));
    covers(dx, (p, n) => ({
      block: [p],
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const sums = registers(f32, [simd.lanes]);
    const products = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const whole = N - mod(N, simd.lanes);
    const p = block.x;
    const e = expert[p];
    for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + x[p][n0 + v];
    }
    let sum = f32(0);
    for (let v = 0; v < simd.lanes; v++) sum += sums[v];
    for (let n = whole; n < N; n++) sum += x[p][n];
    const mean = sum / f32(N);
    for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = x[p][n0 + v] - mean;
        sums[v] = fma(row[v], row[v], sums[v]);
      }
    }
    let squares = f32(0);
    for (let v = 0; v < simd.lanes; v++) squares += sums[v];
    for (let n = whole; n < N; n++) squares += (x[p][n] - mean) * (x[p][n] - mean);
    const scale = 1.0 / sqrt(squares / f32(N) + epsilon);
    for (let v = 0; v < simd.lanes; v++) {
      sums[v] = 0.0;
      products[v] = 0.0;
    }
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = dy[p][n0 + v] * gamma[e][n0 + v];
        sums[v] = sums[v] + row[v];
        products[v] = fma(row[v], (x[p][n0 + v] - mean) * scale, products[v]);
      }
    }
    let gradients = f32(0);
    let slopes = f32(0);
    for (let v = 0; v < simd.lanes; v++) {
      gradients += sums[v];
      slopes += products[v];
    }
    for (let n = whole; n < N; n++) {
      const gradient = dy[p][n] * gamma[e][n];
      gradients += gradient;
      slopes += gradient * ((x[p][n] - mean) * scale);
    }
    const shift = gradients / f32(N);
    const slope = slopes / f32(N);
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = (x[p][n0 + v] - mean) * scale;
        dx[p][n0 + v] = (dy[p][n0 + v] * gamma[e][n0 + v] - shift - row[v] * slope) * scale;
      }
    }
    for (let n = whole; n < N; n++) {
      const standard = (x[p][n] - mean) * scale;
      dx[p][n] = (dy[p][n] * gamma[e][n] - shift - standard * slope) * scale;
    }
  },
);
