import { block, ceilDiv, covers, div, f32, input, kernel, min, mod, output, registers, simd } from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/**
 * y = x/Σx over each row
 *
 * A block has ROWS rows. The sums of lanes are added up last; what is left of a row by its vectors is done element by element.
 */
export const normalise_rows = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { computes: "normalise_rows", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ x, y }, { B, N }) => {
    covers(y, (b, n) => ({
      block: [div(b, ROWS)],
      b,
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const sums = registers(f32, [simd.lanes]);
    const whole = N - mod(N, simd.lanes);
    const end = min(block.x * ROWS + ROWS, B);
    for (let b = block.x * ROWS; b < end; b++) {
      let sum = f32(0);
      if (whole > 0) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
        for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
          for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + x[b][n0 + v];
        }
        for (let v = 0; v < simd.lanes; v++) sum += sums[v];
      }
      for (let n = whole; n < N; n++) sum += x[b][n];
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) y[b][n0 + v] = x[b][n0 + v] / sum;
      }
      for (let n = whole; n < N; n++) y[b][n] = x[b][n] / sum;
    }
  },
);
