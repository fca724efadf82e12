import { block, ceilDiv, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/** y[t,n] = x[source[t],n]: each row of y is the row of x that `source` names */
export const gather_rows = kernel(
  { x: input(f32, ["R", "N"]), source: input(i32, ["T"]), y: output(f32, ["T", "N"]) },
  {
    computes: "gather_rows",
    grid: ({ T, N }) => [ceilDiv(T, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "source", "y"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ x, source, y }, { R, T, N }) => {
    requires(forall([T], (t) => 0 <= source[t] && source[t] < R));
    const t = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (t < T && n < N) y[t][n] = x[source[t]][n];
  },
);
