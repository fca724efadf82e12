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
  input,
  kernel,
  min,
  mod,
  output,
  registers,
  shared,
  simd,
} from "tokitai/dsl";
import { ACROSS, blockRows, DEPTH, linearRows, rowsOf } from "./tiles.ts";

/** Rows of x of f32 by rows of w of T: halves become floats where they are packed, once for all rows of x of a block. */
const linearOf = (T: FloatElement) =>
  kernel(
    { x: input(f32, ["B", "K"]), w: input(T, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
    {
      computes: "linear",
      simd: ["avx512", "avx2"],
      grid: ({ B, N }) => [ceilDiv(B, linearRows(N, simd.lanes)), ceilDiv(N, ACROSS * simd.lanes)],
      block: [1],
    },
    ({ x, w, bias, y }, { B, K, N }) => {
      covers(y, (m, n) => ({
        block: [div(m, linearRows(N, simd.lanes)), div(n, ACROSS * simd.lanes)],
        r: mod(m, linearRows(N, simd.lanes)),
        j: div(mod(n, ACROSS * simd.lanes), simd.lanes),
        v: mod(n, simd.lanes),
        n,
      }));
      const rows = rowsOf(simd.lanes);
      const tall = linearRows(N, simd.lanes);
      const wide = ACROSS * simd.lanes;
      const panel = shared(f32, [DEPTH, wide]);
      const partial = shared(f32, [blockRows(simd.lanes), wide]);
      const sums = registers(f32, [rows, ACROSS, simd.lanes]);
      const column = registers(f32, [ACROSS, simd.lanes]);
      const m0 = block.x * tall;
      const n0 = block.y * wide;
      const height = min(tall, B - m0);
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
                for (let v = 0; v < simd.lanes; v++) panel[k + v][c + u] = w[n0 + c + u][k0 + k + v];
              }
            }
            for (let u = 0; u < simd.lanes; u++) {
              for (let k = whole; k < depth; k++) panel[k][c + u] = w[n0 + c + u][k0 + k];
            }
          } else {
            for (let u = 0; u < simd.lanes; u++) {
              for (let k = 0; k < depth; k++) panel[k][c + u] = n0 + c + u < N ? w[n0 + c + u][k0 + k] : f32(0);
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
            if (m0 + t < B) {
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
                  const a = x[min(m0 + t + i, B - 1)][k0 + k];
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
              y[m0 + r][n0 + j * simd.lanes + v] = partial[r][j * simd.lanes + v] + bias[n0 + j * simd.lanes + v];
            }
          } else {
            for (let n = n0 + j * simd.lanes; n < N; n++) y[m0 + r][n] = partial[r][n - n0] + bias[n];
          }
        }
      }
    },
  );

/**
 * y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n], each sum in the order of k
 *
 * A block packs the rows of w that belong to its columns, DEPTH of k at a time, so that a vector is what one k needs. Tiles of
 * sums stay in registers meanwhile.
 */
export const linear = linearOf(f32);
/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] with w of f16, each sum in the order of k */
export const linear_f16 = linearOf(f16);
/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] with w of bf16, each sum in the order of k */
export const linear_bf16 = linearOf(bf16);
