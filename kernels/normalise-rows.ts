import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 64;

/** y = x/Σx over each row; one thread per row adds from left to right */
export const normalise_rows = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "normalise_rows",
    grid: ({ B }) => [ceilDiv(B, ROWS)],
    block: [ROWS],
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ x, y }, { B, N }) => {
    const b = block.x * ROWS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    for (let n = 0; n < N; n++) sum += x[b][n];
    for (let n = 0; n < N; n++) y[b][n] = x[b][n] / sum;
  },
);
