import { block, ceilDiv, covers, div, f32, fma, input, kernel, min, mod, output, registers, simd } from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/**
 * dweights[b,e] = Σₙ dy[b,n]·parts[e,b,n] where weights[b,e] ≠ 0, exactly 0 elsewhere: what the router path begins with
 *
 * A block has ROWS rows. The sums of lanes are added up last; what is left of a row by its vectors is done element by element. The
 * output of an expert that was not chosen is not read: it may be infinite.
 */
export const combine_dweights = kernel(
  {
    weights: input(f32, ["B", "E"]),
    parts: input(f32, ["E", "B", "N"]),
    dy: input(f32, ["B", "N"]),
    dweights: output(f32, ["B", "E"]),
  },
  { computes: "combine_dweights", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ weights, parts, dy, dweights }, { B, E, N }) => {
    covers(dweights, (b, e) => ({ block: [div(b, ROWS)], b, e }));
    const sums = registers(f32, [simd.lanes]);
    const whole = N - mod(N, simd.lanes);
    for (let b = block.x * ROWS; b < min(block.x * ROWS + ROWS, B); b++) {
      for (let e = 0; e < E; e++) {
        let sum = f32(0);
        for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
        if (weights[b][e] !== f32(0)) {
          for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
            for (let v = 0; v < simd.lanes; v++) sums[v] = fma(dy[b][n0 + v], parts[e][b][n0 + v], sums[v]);
          }
          for (let v = 0; v < simd.lanes; v++) sum += sums[v];
          for (let n = whole; n < N; n++) sum += dy[b][n] * parts[e][b][n];
        }
        dweights[b][e] = sum;
      }
    }
  },
);
