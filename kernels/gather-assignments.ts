import { block, ceilDiv, div, f32, forall, i32, input, kernel, output, requires, scalar, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/**
 * y[p,n] = x[⌊source[p]/k⌋,n]: the row that the assignment at each place is of
 *
 * A row has k assignments, one after another, so that the row of assignment t is ⌊t/k⌋.
 */
export const gather_assignments = kernel(
  { x: input(f32, ["R", "N"]), source: input(i32, ["T"]), k: scalar(i32), y: output(f32, ["T", "N"]) },
  {
    computes: "gather_assignments",
    grid: ({ T, N }) => [ceilDiv(T, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "source", "y"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ x, source, k, y }, { R, T, N }) => {
    requires(k >= 1 && T === R * k);
    requires(forall([T], (p) => 0 <= source[p] && source[p] < T));
    const p = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (p < T && n < N) y[p][n] = x[div(source[p], k)][n];
  },
);
