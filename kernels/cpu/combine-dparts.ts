import { block, ceilDiv, covers, div, f32, input, kernel, min, mod, output, registers, simd } from "tokitai/dsl";
import { COLUMNS, ROWS } from "./short-rows.ts";

/**
 * dparts[e,b,n] = weights[b,e]·dy[b,n] where weights[b,e] ≠ 0, exactly 0 elsewhere: what the expert path begins with
 *
 * A block has ROWS rows of COLUMNS columns. What is left of a row by its vectors is done element by element. The weight is in the
 * gradient of each expert's output from here on; nothing multiplies by it again.
 */
export const combine_dparts = kernel(
  { weights: input(f32, ["B", "E"]), dy: input(f32, ["B", "N"]), dparts: output(f32, ["E", "B", "N"]) },
  {
    computes: "combine_dparts",
    simd: ["avx512", "avx2"],
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [1],
  },
  ({ weights, dy, dparts }, { B, E, N }) => {
    covers(dparts, (e, b, n) => ({
      block: [div(b, ROWS), div(n, COLUMNS)],
      e,
      b,
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const row = registers(f32, [simd.lanes]);
    const first = block.y * COLUMNS;
    const end = min(first + COLUMNS, N);
    const whole = end - mod(end, simd.lanes);
    for (let e = 0; e < E; e++) {
      for (let b = block.x * ROWS; b < min(block.x * ROWS + ROWS, B); b++) {
        const weight = weights[b][e];
        for (let n0 = first; n0 < whole; n0 += simd.lanes) {
          for (let v = 0; v < simd.lanes; v++) row[v] = dy[b][n0 + v];
          for (let v = 0; v < simd.lanes; v++) dparts[e][b][n0 + v] = weight !== f32(0) ? weight * row[v] : f32(0);
        }
        for (let n = whole; n < end; n++) dparts[e][b][n] = weight !== f32(0) ? weight * dy[b][n] : f32(0);
      }
    }
  },
);
