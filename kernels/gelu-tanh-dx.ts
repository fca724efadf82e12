import { block, ceilDiv, f32, input, kernel, output, tanh, thread } from "tokitai/dsl";
import { geluTanhSlope, tanhArgument } from "./math.ts";

const ROWS = 4;
const COLUMNS = 64;

/** dx = dy times the slope of the tanh approximation of GELU, elementwise */
export const gelu_tanh_dx = kernel(
  { x: input(f32, ["B", "N"]), dy: input(f32, ["B", "N"]), dx: output(f32, ["B", "N"]) },
  {
    computes: "gelu_tanh_dx",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "dy", "dx"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ x, dy, dx }, { B, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    const value = x[b][n];
    const t = tanh(tanhArgument(value));
    dx[b][n] = dy[b][n] * geluTanhSlope(value, t);
  },
);
