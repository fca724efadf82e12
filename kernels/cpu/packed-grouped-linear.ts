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
import { PANEL } from "../panel.ts";
import { ACROSS, DEPTH, longPackedRows, rowsOf } from "./tiles.ts";

/**
 * y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n] with w in panels, where the rows of an expert stand together; each sum in the
 * order of k
 *
 * As grouped_linear, of panels that are read as they stand: there is nothing to pack, whatever the number of rows.
 */
export const packed_grouped_linear = kernel(
  {
    w: input(f32, ["E", "P", "K", PANEL]),
    x: input(f32, ["T", "K"]),
    bias: input(f32, ["E", "N"]),
    offsets: input(i32, ["E+1"]),
    expert: input(i32, ["T"]),
    y: output(f32, ["T", "N"]),
  },
  {
    computes: "packed_grouped_linear",
    simd: ["avx512", "avx2"],
    where: { P: ({ N }) => ceilDiv(N, PANEL) },
    grid: ({ T, E, N }) => [ceilDiv(T, longPackedRows(simd.lanes)), ceilDiv(N, ACROSS * simd.lanes), E],
    block: [1],
  },
  ({ w, x, bias, offsets, expert, y }, { T, E, K, N }) => {
    requires(
      forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
    );
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    covers(y, (p, n) => ({
      block: [div(p - offsets[expert[p]], longPackedRows(simd.lanes)), div(n, ACROSS * simd.lanes), expert[p]],
      r: mod(p - offsets[expert[p]], longPackedRows(simd.lanes)),
      j: div(mod(n, ACROSS * simd.lanes), simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const rows = rowsOf(simd.lanes);
    const tall = longPackedRows(simd.lanes);
    const wide = ACROSS * simd.lanes;
    const partial = shared(f32, [tall, wide]);
    const sums = registers(f32, [rows, ACROSS, simd.lanes]);
    const column = registers(f32, [ACROSS, simd.lanes]);
    const e = block.z;
    const m0 = offsets[e] + block.x * tall;
    const end = offsets[e + 1];
    const n0 = block.y * wide;
    const panel = div(n0, PANEL);
    const c0 = mod(n0, PANEL);
    if (m0 >= end) return;
    const height = min(tall, end - m0);
    const filled = min(tall, height + rows);
    for (let r = 0; r < filled; r++) {
      for (let c = 0; c < wide; c++) partial[r][c] = 0.0;
    }
    for (let k0 = 0; k0 < K; k0 += DEPTH) {
      const depth = min(DEPTH, K - k0);
      if (height === 1) {
        // A single row: the others of its tile would be computed for nothing.
        for (let j = 0; j < ACROSS; j++) {
          for (let v = 0; v < simd.lanes; v++) column[j][v] = partial[0][j * simd.lanes + v];
        }
        for (let k = 0; k < depth; k++) {
          const a = x[m0][k0 + k];
          for (let j = 0; j < ACROSS; j++) {
            for (let v = 0; v < simd.lanes; v++)
              column[j][v] = fma(a, w[e][panel][k0 + k][c0 + j * simd.lanes + v], column[j][v]);
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
                for (let v = 0; v < simd.lanes; v++) column[j][v] = w[e][panel][k0 + k][c0 + j * simd.lanes + v];
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
