import { block, ceilDiv, div, f32, forall, i32, input, kernel, mod, output, requires, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/**
 * dparts[p,n] = gates[b,s]·dy[b,n] where source[p] = b·K+s and the gate is not 0, exactly 0 elsewhere: what the expert path begins with
 *
 * Each place looks up the row and the choice that its assignment is of. The gate is in the gradient of the place's output from here on;
 * nothing multiplies by it again.
 */
export const combine_rows_dparts = kernel(
  {
    gates: input(f32, ["B", "K"]),
    dy: input(f32, ["B", "N"]),
    source: input(i32, ["T"]),
    dparts: output(f32, ["T", "N"]),
  },
  {
    computes: "combine_rows_dparts",
    where: { T: ({ B, K }) => B * K },
    grid: ({ T, N }) => [ceilDiv(T, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["gates", "dy", "source", "dparts"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ gates, dy, source, dparts }, { T, K, N }) => {
    requires(forall([T], (p) => 0 <= source[p] && source[p] < T));
    const p = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (p >= T || n >= N) return;
    const t = source[p];
    const b = div(t, K);
    const gate = gates[b][mod(t, K)];
    dparts[p][n] = gate !== f32(0) ? gate * dy[b][n] : f32(0);
  },
);
