import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const COLUMNS = 64;

/**
 * y[n] = Σ_b x[b,n]: the gradient of a bias
 *
 * One thread per column walks down the rows, so that the order of the sum is fixed and a wave reads consecutive elements.
 */
export const column_sum = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["N"]) },
  {
    computes: "column_sum",
    grid: ({ N }) => [ceilDiv(N, COLUMNS)],
    block: [COLUMNS],
    performance: { coalesced: ["x", "y"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ x, y }, { B, N }) => {
    const n = block.x * COLUMNS + thread.x;
    if (n >= N) return;
    let sum = f32(0);
    for (let b = 0; b < B; b++) sum += x[b][n];
    y[n] = sum;
  },
);
