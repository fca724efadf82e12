import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 64;

/** dx = (dy − Σ dy·y)/Σ x over each row, with y = x/Σ x; one thread per row adds from left to right */
export const normalise_rows_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    y: input(f32, ["B", "N"]),
    dy: input(f32, ["B", "N"]),
    dx: output(f32, ["B", "N"]),
  },
  {
    computes: "normalise_rows_dx",
    grid: ({ B }) => [ceilDiv(B, ROWS)],
    block: [ROWS],
    budget: { vgprs: 28, lds: 0, scratch: 0 },
  },
  ({ x, y, dy, dx }, { B, N }) => {
    const b = block.x * ROWS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    let mean = f32(0);
    for (let n = 0; n < N; n++) {
      sum += x[b][n];
      mean += dy[b][n] * y[b][n];
    }
    for (let n = 0; n < N; n++) dx[b][n] = (dy[b][n] - mean) / sum;
  },
);
