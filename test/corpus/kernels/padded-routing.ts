import { block, ceilDiv, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * A grouped product over rows that are sorted by expert and padded to tiles of 16; padding has the token id T.
 *
 * Broken: the sentinel is tested after the row has been loaded, and one off: token T is padding as well. The load of row
 * T is past the end, and for a while it went unnoticed because allocations are rounded up.
 */
export const padded_routing_correct = kernel(
  {
    x: input(f32, ["T", "K"]),
    w: input(f32, ["E", "N", "K"]),
    tokens: input(i32, ["P"]),
    experts: input(i32, ["P"]),
    y: output(f32, ["P", "N"]),
  },
  { grid: ({ P, N }) => [ceilDiv(N, COLUMNS), ceilDiv(P, ROWS)], block: [COLUMNS, ROWS] },
  ({ x, w, tokens, experts, y }, { T, K, E, N, P }) => {
    requires(forall([P], (p) => 0 <= tokens[p] && 0 <= experts[p] && experts[p] < E));
    const p = block.y * ROWS + thread.y;
    const n = block.x * COLUMNS + thread.x;
    if (p >= P || n >= N) return;
    let sum = f32(0);
    if (tokens[p] < T) {
      for (let k = 0; k < K; k++) sum += x[tokens[p]][k] * w[experts[p]][n][k];
    }
    y[p][n] = sum;
  },
);

export const padded_routing_broken = kernel(
  {
    x: input(f32, ["T", "K"]),
    w: input(f32, ["E", "N", "K"]),
    tokens: input(i32, ["P"]),
    experts: input(i32, ["P"]),
    y: output(f32, ["P", "N"]),
  },
  { grid: ({ P, N }) => [ceilDiv(N, COLUMNS), ceilDiv(P, ROWS)], block: [COLUMNS, ROWS] },
  ({ x, w, tokens, experts, y }, { T, K, E, N, P }) => {
    requires(forall([P], (p) => 0 <= tokens[p] && 0 <= experts[p] && experts[p] < E));
    const p = block.y * ROWS + thread.y;
    const n = block.x * COLUMNS + thread.x;
    if (p >= P || n >= N) return;
    let sum = f32(0);
    if (tokens[p] <= T) {
      for (let k = 0; k < K; k++) sum += x[tokens[p]][k] * w[experts[p]][n][k];
    }
    y[p][n] = sum;
  },
);
