import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/** dp = dw where w ≠ 0, exactly 0 elsewhere: only what top-k has chosen gets a gradient */
export const top_k_dp = kernel(
  { w: input(f32, ["B", "E"]), dw: input(f32, ["B", "E"]), dp: output(f32, ["B", "E"]) },
  {
    computes: "top_k_dp",
    grid: ({ B, E }) => [ceilDiv(B, ROWS), ceilDiv(E, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ w, dw, dp }, { B, E }) => {
    const b = block.x * ROWS + thread.y;
    const e = block.y * COLUMNS + thread.x;
    if (b < B && e < E) dp[b][e] = w[b][e] !== f32(0) ? dw[b][e] : f32(0);
  },
);
