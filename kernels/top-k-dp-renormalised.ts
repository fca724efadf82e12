import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * dp = (dw − Σ dw·w)/Σ p where w ≠ 0, exactly 0 elsewhere; both sums over the chosen entries of the row
 *
 * Each thread adds up its row in ascending order: there are few experts. Its own entry always counts in Σ p, which is
 * divided by only where it is chosen, so that the sum is never empty.
 */
export const top_k_dp_renormalised = kernel(
  {
    w: input(f32, ["B", "E"]),
    dw: input(f32, ["B", "E"]),
    p: input(f32, ["B", "E"]),
    dp: output(f32, ["B", "E"]),
  },
  {
    computes: "top_k_dp_renormalised",
    grid: ({ B, E }) => [ceilDiv(B, ROWS), ceilDiv(E, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ w, dw, p, dp }, { B, E }) => {
    const b = block.x * ROWS + thread.y;
    const e = block.y * COLUMNS + thread.x;
    if (b >= B || e >= E) return;
    let total = f32(0);
    let mean = f32(0);
    for (let j = 0; j < E; j++) {
      if (j === e || w[b][j] !== f32(0)) total += p[b][j];
      if (w[b][j] !== f32(0)) mean += dw[b][j] * w[b][j];
    }
    dp[b][e] = w[b][e] !== f32(0) ? (dw[b][e] - mean) / total : f32(0);
  },
);
