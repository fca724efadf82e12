import { block, ceilDiv, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const COLUMNS = 64;

/**
 * z[e,n] = Σ x[p,n]·y[p,n] over the rows p from offsets[e] to below offsets[e+1]: the gradient of a grouped LayerNorm's gamma, with y
 * the standardised rows
 *
 * One thread per expert and column walks down the expert's rows, in order; an expert without rows gets zeros.
 */
export const grouped_column_dot = kernel(
  {
    x: input(f32, ["T", "N"]),
    y: input(f32, ["T", "N"]),
    offsets: input(i32, ["E+1"]),
    z: output(f32, ["E", "N"]),
  },
  {
    computes: "grouped_column_dot",
    grid: ({ E, N }) => [ceilDiv(N, COLUMNS), E],
    block: [COLUMNS],
    performance: { coalesced: ["x", "y", "z"] },
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ x, y, offsets, z }, { T, E, N }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    const n = block.x * COLUMNS + thread.x;
    const e = block.y;
    if (n >= N) return;
    const end = offsets[e + 1];
    let sum = f32(0);
    for (let p = offsets[e]; p < end; p++) sum += x[p][n] * y[p][n];
    z[e][n] = sum;
  },
);
