import { block, ceilDiv, covers, div, f32, input, kernel, min, output } from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/**
 * dp = (dw − Σ dw·w)/Σ p where w ≠ 0, exactly 0 elsewhere; both sums over the chosen entries of the row
 *
 * A block has ROWS rows. An entry always counts in the Σ p that it is divided by, so that the sum is never empty.
 */
export const top_k_dp_renormalised = kernel(
  {
    w: input(f32, ["B", "E"]),
    dw: input(f32, ["B", "E"]),
    p: input(f32, ["B", "E"]),
    dp: output(f32, ["B", "E"]),
  },
  { computes: "top_k_dp_renormalised", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ w, dw, p, dp }, { B, E }) => {
    covers(dp, (b, e) => ({ block: [div(b, ROWS)], b, e }));
    const end = min(block.x * ROWS + ROWS, B);
    for (let b = block.x * ROWS; b < end; b++) {
      let mean = f32(0);
      for (let j = 0; j < E; j++) mean += w[b][j] !== f32(0) ? dw[b][j] * w[b][j] : f32(0);
      for (let e = 0; e < E; e++) {
        let total = f32(0);
        for (let j = 0; j < E; j++) total += j === e || w[b][j] !== f32(0) ? p[b][j] : f32(0);
        dp[b][e] = w[b][e] !== f32(0) ? (dw[b][e] - mean) / total : f32(0);
      }
    }
  },
);
