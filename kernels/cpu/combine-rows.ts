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
  simd,
} from "tokitai/dsl";
import { COLUMNS, ROWS } from "./short-rows.ts";

/**
 * y[b,n] = Σₛ gates[b,s]·parts[position[b·K+s],n] over the choices with a gate other than 0
 *
 * A block has ROWS rows of COLUMNS columns. What is left of a row by its vectors is done element by element. Choices come in
 * ascending order, so that the sum is the same on each run. One with a gate of 0 is skipped and not multiplied by 0, since its part
 * may be infinite.
 */
export const combine_rows = kernel(
  {
    gates: input(f32, ["B", "K"]),
    parts: input(f32, ["T", "N"]),
    position: input(i32, ["T"]),
    y: output(f32, ["B", "N"]),
  },
  {
    computes: "combine_rows",
    simd: ["avx512", "avx2"],
    where: { T: ({ B, K }) => B * K },
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [1],
  },
  ({ gates, parts, position, y }, { B, T, K, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T));
    covers(y, (b, n) => ({
      block: [div(b, ROWS), div(n, COLUMNS)],
      b,
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const sums = registers(f32, [simd.lanes]);
    const first = block.y * COLUMNS;
    const end = min(first + COLUMNS, N);
    const whole = end - mod(end, simd.lanes);
    for (let b = block.x * ROWS; b < min(block.x * ROWS + ROWS, B); b++) {
      for (let n0 = first; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
        for (let s = 0; s < K; s++) {
          const gate = gates[b][s];
          if (gate !== f32(0)) {
            const p = position[b * K + s];
            for (let v = 0; v < simd.lanes; v++) sums[v] = fma(gate, parts[p][n0 + v], sums[v]);
          }
        }
        for (let v = 0; v < simd.lanes; v++) y[b][n0 + v] = sums[v];
      }
      for (let n = whole; n < end; n++) {
        let sum = f32(0);
        for (let s = 0; s < K; s++) {
          const gate = gates[b][s];
          if (gate !== f32(0)) sum += gate * parts[position[b * K + s]][n];
        }
        y[b][n] = sum;
      }
    }
  },
);
