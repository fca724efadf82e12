import { block, ceilDiv, covers, div, f32, input, kernel, min, output } from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/** dp = dw where w ≠ 0, exactly 0 elsewhere: only what top-k has chosen gets a gradient; a block has ROWS rows */
export const top_k_dp = kernel(
  { w: input(f32, ["B", "E"]), dw: input(f32, ["B", "E"]), dp: output(f32, ["B", "E"]) },
  { computes: "top_k_dp", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ w, dw, dp }, { B, E }) => {
    covers(dp, (b, e) => ({ block: [div(b, ROWS)], b, e }));
    const end = min(block.x * ROWS + ROWS, B);
    for (let b = block.x * ROWS; b < end; b++) {
      for (let e = 0; e < E; e++) dp[b][e] = w[b][e] !== f32(0) ? dw[b][e] : f32(0);
    }
  },
);
