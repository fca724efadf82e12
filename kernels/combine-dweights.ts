import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * dweights[b,e] = Σₙ dy[b,n]·parts[e,b,n] where weights[b,e] ≠ 0, exactly 0 elsewhere: what the router path begins with
 *
 * The output of an expert that was not chosen is not read: it may be infinite.
 */
export const combine_dweights = kernel(
  {
    weights: input(f32, ["B", "E"]),
    parts: input(f32, ["E", "B", "N"]),
    dy: input(f32, ["B", "N"]),
    dweights: output(f32, ["B", "E"]),
  },
  {
    computes: "combine_dweights",
    grid: ({ B, E }) => [ceilDiv(B, ROWS), ceilDiv(E, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ weights, parts, dy, dweights }, { B, E, N }) => {
    const b = block.x * ROWS + thread.y;
    const e = block.y * COLUMNS + thread.x;
    if (b >= B || e >= E) return;
    let sum = f32(0);
    if (weights[b][e] !== f32(0)) {
      for (let n = 0; n < N; n++) sum += dy[b][n] * parts[e][b][n];
    }
    dweights[b][e] = sum;
  },
);
