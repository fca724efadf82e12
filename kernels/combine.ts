import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/**
 * y[b,n] = Σₑ weights[b,e]·parts[e,b,n] over the experts with a weight other than 0
 *
 * Experts come in ascending order, so that the sum is the same on each run. An expert that was not chosen is skipped and
 * not multiplied by 0, since its output may be infinite.
 */
export const combine = kernel(
  { weights: input(f32, ["B", "E"]), parts: input(f32, ["E", "B", "N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "combine",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["weights", "parts", "y"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ weights, parts, y }, { B, E, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    let sum = f32(0);
    for (let e = 0; e < E; e++) {
      const weight = weights[b][e];
      if (weight !== f32(0)) sum += weight * parts[e][b][n];
    }
    y[b][n] = sum;
  },
);
