import {
  bf16,
  block,
  ceilDiv,
  covers,
  div,
  type FloatElement,
  f16,
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

/** Rows of x of f32 by rows of w of Weight: halves become floats where they are packed, once for all rows of x of a block. */
const groupedLinearOf = (Weight: FloatElement) =>
  kernel(
    {
      x: input(f32, ["T", "K"]),
      w: input(Weight, ["E", "N", "K"]),
      bias: input(f32, ["E", "N"]),
      offsets: input(i32, ["E+1"]),
      expert: input(i32, ["T"]),
      y: output(f32, ["T", "N"]),
    },
    {
      computes: "grouped_linear",
      simd: ["avx512", "avx2"],
      grid: ({ T, E, N }) => [ceilDiv(T, blockRows(simd.lanes)), ceilDiv(N, ACROSS * simd.lanes), E],
      block: [1],
    },
    ({ x, w, bias, offsets, expert, y }, { T, E, K, N }) => {
      requires(
        forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
      );
      requires(offsets[0] === 0 && offsets[E] === T);
      requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
      covers(y, (p, n) => ({
        block: [div(p - offsets[expert[p]], blockRows(simd.lanes)), div(n, ACROSS * simd.lanes), expert[p]],
        r: mod(p - offsets[expert[p]], blockRows(simd.lanes)),
        j: div(mod(n, ACROSS * simd.lanes), simd.lanes),
        v: mod(n, simd.lanes),
        n,
      }));
      const rows = rowsOf(simd.lanes);
      const tall = blockRows(simd.lanes);
      const wide = ACROSS * simd.lanes;
      const panel = shared(f32, [DEPTH, wide]);
      const partial = shared(f32, [tall, wide]);
      const sums = registers(f32, [rows, ACROSS, simd.lanes]);
      const column = registers(f32, [ACROSS, simd.lanes]);
      const e = block.z;
      const m0 = offsets[e] + block.x * tall;
      const end = offsets[e + 1];
      const n0 = block.y * wide;
      if (m0 >= end) return;
      const height = min(tall, end - m0);
      const filled = min(tall, height + rows);
      for (let r = 0; r < filled; r++) {
        for (let c = 0; c < wide; c++) partial[r][c] = 0.0;
      }
      for (let k0 = 0; k0 < K; k0 += DEPTH) {
        const depth = min(DEPTH, K - k0);
        const whole = depth - mod(depth, simd.lanes);
        for (let c = 0; c < wide; c += simd.lanes) {
          if (n0 + c + simd.lanes <= N) {
            for (let k = 0; k < whole; k += simd.lanes) {
              for (let u = 0; u < simd.lanes; u++) {
                for (let v = 0; v < simd.lanes; v++) panel[k + v][c + u] = w[e][n0 + c + u][k0 + k + v];
              }
            }
            for (let u = 0; u < simd.lanes; u++) {
              for (let k = whole; k < depth; k++) panel[k][c + u] = w[e][n0 + c + u][k0 + k];
            }
          } else {
            for (let u = 0; u < simd.lanes; u++) {
              for (let k = 0; k < depth; k++) panel[k][c + u] = n0 + c + u < N ? w[e][n0 + c + u][k0 + k] : f32(0);
            }
          }
        }
        if (height === 1) {
          // A single row: the others of its tile would be computed for nothing.
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) column[j][v] = partial[0][j * simd.lanes + v];
          }
          for (let k = 0; k < depth; k++) {
            const a = x[m0][k0 + k];
            for (let j = 0; j < ACROSS; j++) {
              for (let v = 0; v < simd.lanes; v++) column[j][v] = fma(a, panel[k][j * simd.lanes + v], column[j][v]);
            }
          }
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++) partial[0][j * simd.lanes + v] = column[j][v];
          }
        } else {
          for (let t = 0; t < tall; t += rows) {
            if (m0 + t < end) {
              for (let i = 0; i < rows; i++) {
                for (let j = 0; j < ACROSS; j++) {
                  for (let v = 0; v < simd.lanes; v++) sums[i][j][v] = partial[t + i][j * simd.lanes + v];
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
                  for (let v = 0; v < simd.lanes; v++) partial[t + i][j * simd.lanes + v] = sums[i][j][v];
                }
              }
            }
          }
        }
      }
      for (let r = 0; r < height; r++) {
        for (let j = 0; j < ACROSS; j++) {
          if (n0 + j * simd.lanes + simd.lanes <= N) {
            for (let v = 0; v < simd.lanes; v++) {
              y[m0 + r][n0 + j * simd.lanes + v] = partial[r][j * simd.lanes + v] + bias[e][n0 + j * simd.lanes + v];
            }
          } else {
            for (let n = n0 + j * simd.lanes; n < N; n++) y[m0 + r][n] = partial[r][n - n0] + bias[e][n];
          }
        }
      }
    },
  );

/**
 * y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n], where the rows of an expert stand together; each sum in the order of k
 *
 * As linear, with a block per expert and tile of its rows and columns; a block beyond its expert's rows has nothing to do.
 */
export const grouped_linear = groupedLinearOf(f32);
/** y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] with w of f16, where the rows of an expert stand together */
export const grouped_linear_f16 = groupedLinearOf(f16);
/** y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] with w of bf16, where the rows of an expert stand together */
export const grouped_linear_bf16 = groupedLinearOf(bf16);
