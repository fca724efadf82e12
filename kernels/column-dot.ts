import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const COLUMNS = 64;

/** z[n] = Σ_b x[b,n]·y[b,n]: the gradient of LayerNorm's gamma, with y the standardised rows; one thread per column */
export const column_dot = kernel(
  { x: input(f32, ["B", "N"]), y: input(f32, ["B", "N"]), z: output(f32, ["N"]) },
  {
    computes: "column_dot",
    grid: ({ N }) => [ceilDiv(N, COLUMNS)],
    block: [COLUMNS],
    performance: { coalesced: ["x", "y", "z"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ x, y, z }, { B, N }) => {
    const n = block.x * COLUMNS + thread.x;
    if (n >= N) return;
    let sum = f32(0);
    for (let b = 0; b < B; b++) sum += x[b][n] * y[b][n];
    z[n] = sum;
  },
);
