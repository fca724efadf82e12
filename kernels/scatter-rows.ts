import {
  block,
  ceilDiv,
  covers,
  div,
  f32,
  forall,
  i32,
  input,
  kernel,
  mod,
  output,
  requires,
  thread,
} from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/**
 * y[position[t],n] = x[t,n]: each row of x goes to the row of y that `position` names
 *
 * `source` is the inverse of `position`: it says who writes each row of y, and that no two write the same.
 */
export const scatter_rows = kernel(
  {
    x: input(f32, ["T", "N"]),
    position: input(i32, ["T"]),
    source: input(i32, ["T"]),
    y: output(f32, ["T", "N"]),
  },
  {
    computes: "scatter_rows",
    grid: ({ T, N }) => [ceilDiv(T, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["x", "position", "y"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ x, position, source, y }, { T, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T && source[position[t]] === t));
    requires(forall([T], (p) => 0 <= source[p] && source[p] < T && position[source[p]] === p));
    covers(y, (p, n) => ({
      block: [div(source[p], ROWS), div(n, COLUMNS)],
      thread: [mod(n, COLUMNS), mod(source[p], ROWS)],
    }));
    const t = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (t < T && n < N) y[position[t]][n] = x[t][n];
  },
);
