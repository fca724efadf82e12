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
import { ACROSS, blockRows, DEPTH, rowsOf } from "./tiles.ts";

/**
 * z[n,k] = Σ_b x[b,n]·y[b,k], each sum in the order of b: the gradient of a linear layer's weights
 *
 * A block packs its columns of y, DEPTH of b at a time, so that they lie together. Tiles of sums stay in registers meanwhile.
 */
export const matmul_tn = kernel(
  { x: input(f32, ["B", "N"]), y: input(f32, ["B", "K"]), z: output(f32, ["N", "K"]) },
  {
    computes: "matmul_tn",
    simd: ["avx512", "avx2"],
    grid: ({ N, K }) => [ceilDiv(N, blockRows(simd.lanes)), ceilDiv(K, ACROSS * simd.lanes)],
    block: [1],
  },
  ({ x, y, z }, { B, N, K }) => {
    covers(z, (n, k) => ({
      block: [div(n, blockRows(simd.lanes)), div(k, ACROSS * simd.lanes)],
      r: mod(n, blockRows(simd.lanes)),
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
    const n0 = block.x * tall;
    const k0 = block.y * wide;
    for (let r = 0; r < tall; r++) {
      for (let c = 0; c < wide; c++) partial[r][c] = 0.0;
    }
    for (let b0 = 0; b0 < B; b0 += DEPTH) {
      const depth = min(DEPTH, B - b0);
      for (let b = 0; b < depth; b++) {
        if (k0 + wide <= K) {
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) panel[b][j * simd.lanes + v] = y[b0 + b][k0 + j * simd.lanes + v];
          }
        } else {
          for (let c = 0; c < wide; c++) panel[b][c] = k0 + c < K ? y[b0 + b][k0 + c] : f32(0);
        }
      }
      for (let t = 0; t < tall; t += rows) {
        if (n0 + t < N) {
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = partial[t + i][j * simd.lanes + v];
            }
          }
          for (let b = 0; b < depth; b++) {
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) column[j][v] = panel[b][j * simd.lanes + v];
            }
            for (let i = 0; i < rows; i++) {
              const a = x[b0 + b][min(n0 + t + i, N - 1)];
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
    for (let r = 0; r < tall; r++) {
      if (n0 + r < N) {
        if (k0 + wide <= K) {
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) {
              z[n0 + r][k0 + j * simd.lanes + v] = partial[r][j * simd.lanes + v];
            }
          }
        } else {
          for (let c = 0; c < wide; c++) {
            if (k0 + c < K) z[n0 + r][k0 + c] = partial[r][c];
          }
        }
      }
    }
  },
);
