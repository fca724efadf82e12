import { block, covers, div, f32, fma, input, kernel, mod, output, registers, scalar, simd, sqrt } from "tokitai/dsl";
import { activate, NOTHING, OF_ERF, OF_TANH } from "../activation.ts";

/**
 * y = (x − mean)/√(variance + epsilon)·gamma + beta over each row, or its GELU
 *
 * A block has a row. The sums of its lanes are added up last; what is left of a row by its vectors is done element by element. The
 * variance is that of the centred values, so that a large mean costs no digits.
 */
const layerNorm = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["B", "N"]),
      gamma: input(f32, ["N"]),
      beta: input(f32, ["N"]),
      epsilon: scalar(f32),
      y: output(f32, ["B", "N"]),
    },
    {
      computes: GELU === NOTHING ? "layer_norm" : GELU === OF_ERF ? "layer_norm_gelu" : "layer_norm_gelu_tanh",
      simd: ["avx512", "avx2"],
      grid: ({ B }) => [B],
      block: [1],
    },
    ({ x, gamma, beta, epsilon, y }, { N }) => {
      covers(y, (b, n) => ({
        block: [b],
        n0: simd.lanes * div(n, simd.lanes),
        v: mod(n, simd.lanes),
        n,
      }));
      const sums = registers(f32, [simd.lanes]);
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
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) {
          row[v] = (x[b][n0 + v] - mean) * scale * gamma[n0 + v] + beta[n0 + v];
          y[b][n0 + v] = activate(row[v], GELU);
        }
      }
      for (let n = whole; n < N; n++) y[b][n] = activate((x[b][n] - mean) * scale * gamma[n] + beta[n], GELU);
    },
  );

/** y = (x − mean)/√(variance + epsilon)·gamma + beta over each row */
export const layer_norm = layerNorm(NOTHING);
/** y = gelu(LayerNorm(x)) over each row, the GELU of erf */
export const layer_norm_gelu = layerNorm(OF_ERF);
/** y = gelu(LayerNorm(x)) over each row, the GELU of tanh */
export const layer_norm_gelu_tanh = layerNorm(OF_TANH);
