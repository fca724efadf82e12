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
import { ACROSS, blockRows, DEPTH, rowsOf } from "./tiles.ts";

/**
 * z[e,n,k] = Σ x[p,n]·y[p,k] over the rows p from offsets[e] to below offsets[e+1], in their order: the gradient of a grouped linear
 * layer's weights, with x the gradient of its output, y its input
 *
 * As matmul_tn, with a block per expert and tile of its weights; an expert without rows gets zeros.
 */
export const grouped_matmul_tn = kernel(
  {
    x: input(f32, ["T", "N"]),
    y: input(f32, ["T", "K"]),
    offsets: input(i32, ["E+1"]),
    z: output(f32, ["E", "N", "K"]),
  },
  {
    computes: "grouped_matmul_tn",
    simd: ["avx512", "avx2"],
    grid: ({ E, N, K }) => [ceilDiv(N, blockRows(simd.lanes)), ceilDiv(K, ACROSS * simd.lanes), E],
    block: [1],
  },
  ({ x, y, offsets, z }, { T, E, N, K }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    covers(z, (e, n, k) => ({
      block: [div(n, blockRows(simd.lanes)), div(k, ACROSS * simd.lanes), e],
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
    const e = block.z;
    const end = offsets[e + 1];
    const n0 = block.x * tall;
    const k0 = block.y * wide;
    for (let r = 0; r < tall; r++) {
      for (let c = 0; c < wide; c++) partial[r][c] = 0.0;
    }
    for (let p0 = offsets[e]; p0 < end; p0 += DEPTH) {
      const depth = min(DEPTH, end - p0);
      for (let p = 0; p < depth; p++) {
        if (k0 + wide <= K) {
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) panel[p][j * simd.lanes + v] = y[p0 + p][k0 + j * simd.lanes + v];
          }
        } else {
          for (let c = 0; c < wide; c++) panel[p][c] = k0 + c < K ? y[p0 + p][k0 + c] : f32(0);
        }
      }
      for (let t = 0; t < tall; t += rows) {
        if (n0 + t < N) {
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = partial[t + i][j * simd.lanes + v];
            }
          }
          for (let p = 0; p < depth; p++) {
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) column[j][v] = panel[p][j * simd.lanes + v];
            }
            for (let i = 0; i < rows; i++) {
              const a = x[p0 + p][min(n0 + t + i, N - 1)];
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
              z[e][n0 + r][k0 + j * simd.lanes + v] = partial[r][j * simd.lanes + v];
            }
          }
        } else {
          for (let c = 0; c < wide; c++) {
            if (k0 + c < K) z[e][n0 + r][k0 + c] = partial[r][c];
          }
        }
      }
    }
  },
);
