import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/**
 * dparts[e,b,n] = weights[b,e]·dy[b,n] where weights[b,e] ≠ 0, exactly 0 elsewhere: what the expert path begins with
 *
 * The weight is in the gradient of each expert's output from here on; nothing multiplies by it again.
 */
export const combine_dparts = kernel(
  { weights: input(f32, ["B", "E"]), dy: input(f32, ["B", "N"]), dparts: output(f32, ["E", "B", "N"]) },
  {
    computes: "combine_dparts",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["weights", "dy", "dparts"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ weights, dy, dparts }, { B, E, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    for (let e = 0; e < E; e++) {
      const weight = weights[b][e];
      dparts[e][b][n] = weight !== f32(0) ? weight * dy[b][n] : f32(0);
    }
  },
);
