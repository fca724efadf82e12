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
  shared,
  simd,
} from "tokitai/dsl";
import { OF_ERF, OF_TANH, slope, slopeArgument } from "../activation.ts";
import { ACROSS, blockRows, DEPTH, rowsOf } from "./tiles.ts";

/**
 * dz[p,k] = Σₙ x[p,n]·w[expert[p],n,k] times the slope of the GELU at z[p,k], where the rows of an expert stand together; each
 * sum in the order of n: the gradient of what the GELU before a grouped linear layer was given, with x the gradient of that layer's
 * output
 *
 * As grouped_matmul_nn, and a sum becomes a gradient where it leaves its tile.
 */
const groupedMatmulNnGeluDx = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["T", "N"]),
      w: input(f32, ["E", "N", "K"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      z: input(f32, ["T", "K"]),
      dz: output(f32, ["T", "K"]),
    },
    {
      computes: GELU === OF_ERF ? "grouped_matmul_nn_gelu_dx" : "grouped_matmul_nn_gelu_tanh_dx",
      simd: ["avx512", "avx2"],
      grid: ({ T, E, K }) => [ceilDiv(T, blockRows(simd.lanes)), ceilDiv(K, ACROSS * simd.lanes), E],
      block: [1],
    },
    ({ x, w, offsets, expert, z, dz }, { T, E, N, K }) => {
      requires(
        forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === T);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(dz, (p, k) => ({
        block: [div(p - offsets[expert[p]], blockRows(simd.lanes)), div(k, ACROSS * simd.lanes), expert[p]],
        r: mod(p - offsets[expert[p]], blockRows(simd.lanes)),
        c: mod(k, ACROSS * simd.lanes),
        j: div(mod(k, ACROSS * simd.lanes), simd.lanes),
        v: mod(k, simd.lanes),
      }));
      const rows = rowsOf(simd.lanes);
      const tall = blockRows(simd.lanes);
      const wide = ACROSS * simd.lanes;
      const panel = shared(f32, [DEPTH, wide]);
      const partial = shared(f32, [tall, wide]);
      const sums = registers(f32, [rows, ACROSS, simd.lanes]);
      const column = registers(f32, [ACROSS, simd.lanes]);
      const row = registers(f32, [simd.lanes]);
      const e = block.z;
      const m0 = offsets[e] + block.x * tall;
      const end = offsets[e + 1];
      const k0 = block.y * wide;
      if (m0 >= end) return;
      const height = min(tall, end - m0);
      const filled = min(tall, height + rows);
      for (let r = 0; r < filled; r++) {
        for (let c = 0; c < wide; c++) partial[r][c] = 0.0;
      }
      for (let n0 = 0; n0 < N; n0 += DEPTH) {
        const depth = min(DEPTH, N - n0);
        for (let n = 0; n < depth; n++) {
          if (k0 + wide <= K) {
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) panel[n][j * simd.lanes + v] = w[e][n0 + n][k0 + j * simd.lanes + v];
            }
          } else {
            for (let c = 0; c < wide; c++) panel[n][c] = k0 + c < K ? w[e][n0 + n][k0 + c] : f32(0);
          }
        }
        for (let t = 0; t < tall; t += rows) {
          if (m0 + t < end) {
            for (let i = 0; i < rows; i++) {
              for (let j = 0; j < ACROSS; j++) {
                for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = partial[t + i][j * simd.lanes + v];
              }
            }
            for (let n = 0; n < depth; n++) {
              for (let j = 0; j < ACROSS; j++) {
                for (let v = 0; v < simd.lanes; v++) column[j][v] = panel[n][j * simd.lanes + v];
              }
              for (let i = 0; i < rows; i++) {
                const a = x[min(m0 + t + i, end - 1)][n0 + n];
                for (let j = 0; j < ACROSS; j++) {
                  for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = fma(a, column[j][v], sums[i][j][v]);
                }
              }
            }
            for (let i = 0; i < rows; i++) {
              for (let j = 0; j < ACROSS; j++) {
                for (let v = 0; v < simd.lanes; v++) partial[t + i][j * simd.lanes + v] = sums[i][j][v];
              }
            }
          }
        }
      }
      for (let r = 0; r < height; r++) {
        if (k0 + wide <= K) {
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) {
              row[v] = slopeArgument(z[m0 + r][k0 + j * simd.lanes + v], GELU);
              dz[m0 + r][k0 + j * simd.lanes + v] =
                partial[r][j * simd.lanes + v] * slope(z[m0 + r][k0 + j * simd.lanes + v], row[v], GELU);
            }
          }
        } else {
          for (let c = 0; c < wide; c++) {
            if (k0 + c < K)
              dz[m0 + r][k0 + c] =
                partial[r][c] * slope(z[m0 + r][k0 + c], slopeArgument(z[m0 + r][k0 + c], GELU), GELU);
          }
        }
      }
    },
  );

/** dz[p,k] = Σₙ x[p,n]·w[expert[p],n,k] times the slope of the GELU of erf at z[p,k] */
export const grouped_matmul_nn_gelu_dx = groupedMatmulNnGeluDx(OF_ERF);
/** dz[p,k] = Σₙ x[p,n]·w[expert[p],n,k] times the slope of the GELU of tanh at z[p,k] */
export const grouped_matmul_nn_gelu_tanh_dx = groupedMatmulNnGeluDx(OF_TANH);
