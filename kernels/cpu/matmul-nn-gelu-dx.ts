import {
  block,
  ceilDiv,
  covers,
  div,
  f32,
  fma,
  input,
  kernel,
  min,
  mod,
  output,
  registers,
  shared,
  simd,
} from "tokitai/dsl";
import { OF_ERF, OF_TANH, slope, slopeArgument } from "../activation.ts";
import { ACROSS, blockRows, DEPTH, rowsOf } from "./tiles.ts";

/**
 * dz[b,k] = Σₙ x[b,n]·w[n,k] times the slope of the GELU at z[b,k], each sum in the order of n: the gradient of what the GELU
 * before a linear layer was given, with x the gradient of that layer's output
 *
 * As matmul_nn, and a sum becomes a gradient where it leaves its tile.
 */
const matmulNnGeluDx = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["B", "N"]),
      w: input(f32, ["N", "K"]),
      z: input(f32, ["B", "K"]),
      dz: output(f32, ["B", "K"]),
    },
    {
      computes: GELU === OF_ERF ? "matmul_nn_gelu_dx" : "matmul_nn_gelu_tanh_dx",
      simd: ["avx512", "avx2"],
      grid: ({ B, K }) => [ceilDiv(B, blockRows(simd.lanes)), ceilDiv(K, ACROSS * simd.lanes)],
      block: [1],
    },
    ({ x, w, z, dz }, { B, N, K }) => {
      covers(dz, (m, k) => ({
        block: [div(m, blockRows(simd.lanes)), div(k, ACROSS * simd.lanes)],
        r: mod(m, blockRows(simd.lanes)),
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
      const m0 = block.x * tall;
      const k0 = block.y * wide;
      const height = min(tall, B - m0);
      const filled = min(tall, height + rows);
      for (let r = 0; r < filled; r++) {
        for (let c = 0; c < wide; c++) partial[r][c] = 0.0;
      }
      for (let n0 = 0; n0 < N; n0 += DEPTH) {
        const depth = min(DEPTH, N - n0);
        for (let n = 0; n < depth; n++) {
          if (k0 + wide <= K) {
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) panel[n][j * simd.lanes + v] = w[n0 + n][k0 + j * simd.lanes + v];
            }
          } else {
            for (let c = 0; c < wide; c++) panel[n][c] = k0 + c < K ? w[n0 + n][k0 + c] : f32(0);
          }
        }
        for (let t = 0; t < tall; t += rows) {
          if (m0 + t < B) {
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
                const a = x[min(m0 + t + i, B - 1)][n0 + n];
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

/** dz[b,k] = Σₙ x[b,n]·w[n,k] times the slope of the GELU of erf at z[b,k] */
export const matmul_nn_gelu_dx = matmulNnGeluDx(OF_ERF);
/** dz[b,k] = Σₙ x[b,n]·w[n,k] times the slope of the GELU of tanh at z[b,k] */
export const matmul_nn_gelu_tanh_dx = matmulNnGeluDx(OF_TANH);
