import { block, ceilDiv, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const ROWS = 4;
const COLUMNS = 64;

/**
 * y[b,n] = Σₛ gates[b,s]·parts[position[b·K+s],n] over the choices with a gate other than 0
 *
 * Choices come in ascending order, so that the sum is the same on each run. One with a gate of 0 is skipped and not
 * multiplied by 0, since its part may be infinite.
 */
export const combine_rows = kernel(
  {
    gates: input(f32, ["B", "K"]),
    parts: input(f32, ["T", "N"]),
    position: input(i32, ["T"]),
    y: output(f32, ["B", "N"]),
  },
  {
    computes: "combine_rows",
    where: { T: ({ B, K }) => B * K },
    grid: ({ B, N }) => [ceilDiv(B, ROWS), ceilDiv(N, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["gates", "parts", "position", "y"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ gates, parts, position, y }, { B, T, K, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T));
    const b = block.x * ROWS + thread.y;
    const n = block.y * COLUMNS + thread.x;
    if (b >= B || n >= N) return;
    let sum = f32(0);
    for (let s = 0; s < K; s++) {
      const gate = gates[b][s];
      if (gate !== f32(0)) sum += gate * parts[position[b * K + s]][n];
    }
    y[b][n] = sum;
  },
);
