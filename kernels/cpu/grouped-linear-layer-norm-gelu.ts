import {
  block,
  ceilDiv,
  covers,
  div,
  f32,
  fma,
  forall,
  i32,
  input,
  kernel,
  min,
  mod,
  output,
  registers,
  requires,
  scalar,
  shared,
  simd,
  sqrt,
} from "tokitai/dsl";
import { activate, OF_ERF, OF_TANH } from "../activation.ts";
import { ROW_STEP, WHOLE_ROW } from "../whole-row.ts";
import { ACROSS, DEPTH, rowsOf, wholeRows } from "./tiles.ts";

/**
 * y = gelu(LayerNorm(x·wᵀ + bias)) over each row p of at most WHOLE_ROW, with w, bias, gamma and beta of expert[p], where the rows of an
 * expert stand together
 *
 * As linear_layer_norm_gelu, with a block per expert and tile of its rows; a block beyond its expert's rows has nothing to do.
 */
const groupedLinearLayerNormGelu = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["T", "K"]),
      w: input(f32, ["E", "N", "K"]),
      bias: input(f32, ["E", "N"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      gamma: input(f32, ["E", "N"]),
      beta: input(f32, ["E", "N"]),
      epsilon: scalar(f32),
      y: output(f32, ["T", "N"]),
    },
    {
      computes: GELU === OF_ERF ? "grouped_linear_layer_norm_gelu" : "grouped_linear_layer_norm_gelu_tanh",
      simd: ["avx512", "avx2"],
      grid: ({ T, E }) => [ceilDiv(T, wholeRows(simd.lanes)), 1, E],
      block: [1],
    },
    ({ x, w, bias, offsets, expert, gamma, beta, epsilon, y }, { T, E, K, N }) => {
      requires(N <= WHOLE_ROW && mod(N, ROW_STEP) === 0);
      requires(
        forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === T);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(y, (p, n) => ({
        block: [div(p - offsets[expert[p]], wholeRows(simd.lanes)), 0, expert[p]],
        r: mod(p - offsets[expert[p]], wholeRows(simd.lanes)),
        c: simd.lanes * div(n, simd.lanes),
        v: mod(n, simd.lanes),
      }));
      const rows = rowsOf(simd.lanes);
      const tall = wholeRows(simd.lanes);
      const wide = ACROSS * simd.lanes;
      const panel = shared(f32, [DEPTH, wide]);
      const whole = shared(f32, [tall, WHOLE_ROW]);
      const means = shared(f32, [simd.lanes * ceilDiv(tall, simd.lanes)]);
      const scales = shared(f32, [simd.lanes * ceilDiv(tall, simd.lanes)]);
      const parts = shared(f32, [simd.lanes, simd.lanes]);
      const turned = shared(f32, [simd.lanes, simd.lanes]);
      const sums = registers(f32, [rows, ACROSS, simd.lanes]);
      const column = registers(f32, [ACROSS, simd.lanes]);
      const single = registers(f32, [ACROSS, simd.lanes]);
      const lane = registers(f32, [simd.lanes]);
      const row = registers(f32, [simd.lanes]);
      const e = block.z;
      const m0 = offsets[e] + block.x * tall;
      const end = offsets[e + 1];
      if (m0 >= end) return;
      const height = min(tall, end - m0);
      const filled = min(tall, height + rows);
      for (let n0 = 0; n0 < N; n0 += wide) {
        for (let r = 0; r < filled; r++) {
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) whole[r][n0 + j * simd.lanes + v] = bias[e][n0 + j * simd.lanes + v];
          }
        }
        for (let k0 = 0; k0 < K; k0 += DEPTH) {
          const depth = min(DEPTH, K - k0);
          const even = depth - mod(depth, simd.lanes);
          for (let c = 0; c < wide; c += simd.lanes) {
            for (let k = 0; k < even; k += simd.lanes) {
              for (let u = 0; u < simd.lanes; u++) {
                for (let v = 0; v < simd.lanes; v++) panel[k + v][c + u] = w[e][n0 + c + u][k0 + k + v];
              }
            }
            for (let u = 0; u < simd.lanes; u++) {
              for (let k = even; k < depth; k++) panel[k][c + u] = w[e][n0 + c + u][k0 + k];
            }
          }
          if (height === 1) {
            // A single row: the others of its tile would be computed for nothing.
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) single[j][v] = whole[0][n0 + j * simd.lanes + v];
            }
            for (let k = 0; k < depth; k++) {
              const a = x[m0][k0 + k];
              for (let j = 0; j < ACROSS; j++) {
                for (let v = 0; v < simd.lanes; v++) single[j][v] = fma(a, panel[k][j * simd.lanes + v], single[j][v]);
              }
            }
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) whole[0][n0 + j * simd.lanes + v] = single[j][v];
            }
          } else {
            for (let t = 0; t < tall; t += rows) {
              if (m0 + t < end) {
                for (let i = 0; i < rows; i++) {
                  for (let j = 0; j < ACROSS; j++) {
                    for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = whole[t + i][n0 + j * simd.lanes + v];
                  }
                }
                for (let k = 0; k < depth; k++) {
                  for (let j = 0; j < ACROSS; j++) {
                    for (let v = 0; v < simd.lanes; v++) column[j][v] = panel[k][j * simd.lanes + v];
                  }
                  for (let i = 0; i < rows; i++) {
                    const a = x[min(m0 + t + i, end - 1)][k0 + k];
                    for (let j = 0; j < ACROSS; j++) {
                      for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = fma(a, column[j][v], sums[i][j][v]);
                    }
                  }
                }
                for (let i = 0; i < rows; i++) {
                  for (let j = 0; j < ACROSS; j++) {
                    for (let v = 0; v < simd.lanes; v++) whole[t + i][n0 + j * simd.lanes + v] = sums[i][j][v];
                  }
                }
              }
            }
          }
        }
      }
      // The lanes of as many rows as there are lanes, turned around: then one sum of rows adds up the lanes of each.
      for (let r0 = 0; r0 < height; r0 += simd.lanes) {
        for (let u = 0; u < simd.lanes; u++) {
          for (let v = 0; v < simd.lanes; v++) lane[v] = 0.0;
          if (r0 + u < height) {
            for (let c = 0; c < N; c += simd.lanes) {
              for (let v = 0; v < simd.lanes; v++) lane[v] = lane[v] + whole[r0 + u][c + v];
            }
          }
          for (let v = 0; v < simd.lanes; v++) parts[u][v] = lane[v];
        }
        for (let u = 0; u < simd.lanes; u++) {
          for (let v = 0; v < simd.lanes; v++) turned[v][u] = parts[u][v];
        }
        for (let v = 0; v < simd.lanes; v++) lane[v] = 0.0;
        for (let u = 0; u < simd.lanes; u++) {
          for (let v = 0; v < simd.lanes; v++) lane[v] = lane[v] + turned[u][v];
        }
        for (let v = 0; v < simd.lanes; v++) means[r0 + v] = lane[v] / f32(N);
      }
      for (let r0 = 0; r0 < height; r0 += simd.lanes) {
        for (let u = 0; u < simd.lanes; u++) {
          const mean = means[r0 + u];
          for (let v = 0; v < simd.lanes; v++) lane[v] = 0.0;
          if (r0 + u < height) {
            for (let c = 0; c < N; c += simd.lanes) {
              for (let v = 0; v < simd.lanes; v++) {
                row[v] = whole[r0 + u][c + v] - mean;
                lane[v] = fma(row[v], row[v], lane[v]);
              }
            }
          }
          for (let v = 0; v < simd.lanes; v++) parts[u][v] = lane[v];
        }
        for (let u = 0; u < simd.lanes; u++) {
          for (let v = 0; v < simd.lanes; v++) turned[v][u] = parts[u][v];
        }
        for (let v = 0; v < simd.lanes; v++) lane[v] = 0.0;
        for (let u = 0; u < simd.lanes; u++) {
          for (let v = 0; v < simd.lanes; v++) lane[v] = lane[v] + turned[u][v];
        }
        for (let v = 0; v < simd.lanes; v++) scales[r0 + v] = 1.0 / sqrt(lane[v] / f32(N) + epsilon);
      }
      for (let r = 0; r < height; r++) {
        const mean = means[r];
        const scale = scales[r];
        for (let c = 0; c < N; c += simd.lanes) {
          for (let v = 0; v < simd.lanes; v++) {
            row[v] = (whole[r][c + v] - mean) * scale * gamma[e][c + v] + beta[e][c + v];
            y[m0 + r][c + v] = activate(row[v], GELU);
          }
        }
      }
    },
  );

/** y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW, by the weights of its expert, the GELU of erf */
export const grouped_linear_layer_norm_gelu = groupedLinearLayerNormGelu(OF_ERF);
/** y = gelu(LayerNorm(x·wᵀ + bias)) over each row of at most WHOLE_ROW, by the weights of its expert, the GELU of tanh */
export const grouped_linear_layer_norm_gelu_tanh = groupedLinearLayerNormGelu(OF_TANH);
