import { block, ceilDiv, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * dgates[b,s] = Σₙ dy[b,n]·parts[position[b·K+s],n] where gates[b,s] ≠ 0, exactly 0 elsewhere: what the router path begins with
 *
 * The part of a choice with a gate of 0 is not read: it may be infinite.
 */
export const combine_rows_dgates = kernel(
  {
    gates: input(f32, ["B", "K"]),
    parts: input(f32, ["T", "N"]),
    dy: input(f32, ["B", "N"]),
    position: input(i32, ["T"]),
    dgates: output(f32, ["B", "K"]),
  },
  {
    computes: "combine_rows_dgates",
    where: { T: ({ B, K }) => B * K },
    grid: ({ B, K }) => [ceilDiv(B, ROWS), ceilDiv(K, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ gates, parts, dy, position, dgates }, { B, T, K, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T));
    const b = block.x * ROWS + thread.y;
    const s = block.y * COLUMNS + thread.x;
    if (b >= B || s >= K) return;
    let sum = f32(0);
    if (gates[b][s] !== f32(0)) {
      const p = position[b * K + s];
      for (let n = 0; n < N; n++) sum += dy[b][n] * parts[p][n];
    }
    dgates[b][s] = sum;
  },
);
