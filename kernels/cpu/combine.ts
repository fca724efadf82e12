import { block, ceilDiv, covers, div, f32, fma, input, kernel, min, mod, output, registers, simd } from "tokitai/dsl";
import { COLUMNS, ROWS } from "./short-rows.ts";

/**
 * y[b,n] = Σₑ weights[b,e]·parts[e,b,n] over the experts with a weight other than 0
 *
 * A block has ROWS rows of COLUMNS columns. What is left of a row by its vectors is done element by element. Experts come in
 * ascending order, so that the sum is the same on each run. An expert that was not chosen is skipped and not multiplied by 0, since
 * its output may be infinite.
 */
export const combine = kernel(
  { weights: input(f32, ["B", "E"]), parts: input(f32, ["E", "B", "N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "combine",
    simd: ["avx512", "avx2"],
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [1],
  },
  ({ weights, parts, y }, { B, E, N }) => {
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
        for (let e = 0; e < E; e++) {
          const weight = weights[b][e];
          if (weight !== f32(0)) {
            for (let v = 0; v < simd.lanes; v++) sums[v] = fma(weight, parts[e][b][n0 + v], sums[v]);
          }
        }
        for (let v = 0; v < simd.lanes; v++) y[b][n0 + v] = sums[v];
      }
      for (let n = whole; n < end; n++) {
        let sum = f32(0);
        for (let e = 0; e < E; e++) {
          const weight = weights[b][e];
          if (weight !== f32(0)) sum += weight * parts[e][b][n];
        }
        y[b][n] = sum;
      }
    }
  },
);
