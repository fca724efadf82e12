import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";
import { geluErf } from "./math.ts";

const ROWS = 4;
const COLUMNS = 64;

/** y = x·Φ(x), elementwise */
export const gelu = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "gelu",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "y"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ x, y }, { B, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b < B && n < N) y[b][n] = geluErf(x[b][n]);
  },
);
