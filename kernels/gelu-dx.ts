import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";
import { geluErfSlope } from "./math.ts";

const ROWS = 4;
const COLUMNS = 64;

/** dx = dy·d/dx(x·Φ(x)), elementwise */
export const gelu_dx = kernel(
  { x: input(f32, ["B", "N"]), dy: input(f32, ["B", "N"]), dx: output(f32, ["B", "N"]) },
  {
    computes: "gelu_dx",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "dy", "dx"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ x, dy, dx }, { B, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    const z = x[b][n] * 0.7071067811865476;
    dx[b][n] = dy[b][n] * geluErfSlope(z);
  },
);
