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
import { activate, NOTHING, OF_ERF, OF_TANH } from "../activation.ts";

/**
 * y = (x − mean)/√(variance + epsilon)·gamma + beta over each row p, with gamma and beta of expert[p], or its GELU
 *
 * A block has a row. The sums of its lanes are added up last; what is left of a row by its vectors is done element by element. The
 * variance is that of the centred values, so that a large mean costs no digits.
 */
const groupedLayerNorm = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["T", "N"]),
      gamma: input(f32, ["E", "N"]),
      beta: input(f32, ["E", "N"]),
      expert: input(i32, ["T"]),
      epsilon: scalar(f32),
      y: output(f32, ["T", "N"]),
    },
    {
      computes:
        GELU === NOTHING
          ? "grouped_layer_norm"
          : GELU === OF_ERF
            ? "grouped_layer_norm_gelu"
            : "grouped_layer_norm_gelu_tanh",
      simd: ["avx512", "avx2"],
      grid: ({ T }) => [T],
      block: [1],
    },
    ({ x, gamma, beta, expert, epsilon, y }, { T, E, N }) => {
      requires(forall([T], (p) => 0 <= expert[p] && expert[p] < E));
      covers(y, (p, n) => ({
        block: [p],
        n0: simd.lanes * div(n, simd.lanes),
        v: mod(n, simd.lanes),
        n,
      }));
      const sums = registers(f32, [simd.lanes]);
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
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) {
          row[v] = (x[p][n0 + v] - mean) * scale * gamma[e][n0 + v] + beta[e][n0 + v];
          y[p][n0 + v] = activate(row[v], GELU);
        }
      }
      for (let n = whole; n < N; n++) y[p][n] = activate((x[p][n] - mean) * scale * gamma[e][n] + beta[e][n], GELU);
    },
  );

/** y = (x − mean)/√(variance + epsilon)·gamma + beta over each row p, with gamma and beta of expert[p] */
export const grouped_layer_norm = groupedLayerNorm(NOTHING);
/** y = gelu(LayerNorm(x)) over each row p, with gamma and beta of expert[p] and the GELU of erf */
export const grouped_layer_norm_gelu = groupedLayerNorm(OF_ERF);
/** y = gelu(LayerNorm(x)) over each row p, with gamma and beta of expert[p] and the GELU of tanh */
export const grouped_layer_norm_gelu_tanh = groupedLayerNorm(OF_TANH);
