import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/** z = x + y, elementwise */
export const add = kernel(
  { x: input(f32, ["B", "N"]), y: input(f32, ["B", "N"]), z: output(f32, ["B", "N"]) },
  {
    computes: "add",
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "y", "z"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ x, y, z }, { B, N }) => {
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b < B && n < N) z[b][n] = x[b][n] + y[b][n];
  },
);
