import { block, covers, div, f32, fma, input, kernel, mod, output, registers, scalar, simd, sqrt } from "tokitai/dsl";

/**
 * dx = scale·(dy·gamma − mean(dy·gamma) − z·mean(dy·gamma·z)) over each row, z the standardised x and scale 1/√(variance + epsilon)
 *
 * A block has a row. The sums of its lanes are added up last; what is left of a row by its vectors is done element by element. The
 * variance is that of the centred values, so that a large mean costs no digits.
 */
export const layer_norm_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    gamma: input(f32, ["N"]),
    dy: input(f32, ["B", "N"]),
    epsilon: scalar(f32),
    dx: output(f32, ["B", "N"]),
  },
  { computes: "layer_norm_dx", simd: ["avx512", "avx2"], grid: ({ B }) => [B], block: [1] },
  ({ x, gamma, dy, epsilon, dx }, { N }) => {
    covers(dx, (b, n) => ({
      block: [b],
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const sums = registers(f32, [simd.lanes]);
    const products = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const whole = N - mod(N, simd.lanes);
    const b = block.x;
    for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + x[b][n0 + v];
    }
    let sum = f32(0);
    for (let v = 0; v < simd.lanes; v++) sum += sums[v];
    for (let n = whole; n < N; n++) sum += x[b][n];
    const mean = sum / f32(N);
    for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = x[b][n0 + v] - mean;
        sums[v] = fma(row[v], row[v], sums[v]);
      }
    }
    let squares = f32(0);
    for (let v = 0; v < simd.lanes; v++) squares += sums[v];
    for (let n = whole; n < N; n++) squares += (x[b][n] - mean) * (x[b][n] - mean);
    const scale = 1.0 / sqrt(squares / f32(N) + epsilon);
    for (let v = 0; v < simd.lanes; v++) {
      sums[v] = 0.0;
      products[v] = 0.0;
    }
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = dy[b][n0 + v] * gamma[n0 + v];
        sums[v] = sums[v] + row[v];
        products[v] = fma(row[v], (x[b][n0 + v] - mean) * scale, products[v]);
      }
    }
    let gradients = f32(0);
    let slopes = f32(0);
    for (let v = 0; v < simd.lanes; v++) {
      gradients += sums[v];
      slopes += products[v];
    }
    for (let n = whole; n < N; n++) {
      const gradient = dy[b][n] * gamma[n];
      gradients += gradient;
      slopes += gradient * ((x[b][n] - mean) * scale);
    }
    const shift = gradients / f32(N);
    const slope = slopes / f32(N);
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = (x[b][n0 + v] - mean) * scale;
        dx[b][n0 + v] = (dy[b][n0 + v] * gamma[n0 + v] - shift - row[v] * slope) * scale;
      }
    }
    for (let n = whole; n < N; n++) {
      const standard = (x[b][n] - mean) * scale;
      dx[b][n] = (dy[b][n] * gamma[n] - shift - standard * slope) * scale;
    }
  },
);
