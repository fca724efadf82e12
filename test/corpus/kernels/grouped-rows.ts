import { block, ceilDiv, f32, forall, i32, implies, inout, input, kernel, requires, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * A grouped product: expert e multiplies the rows from offsets[e] up to offsets[e + 1] by its own weights.
 *
 * Broken: offsets need not be ascending as long as they are in range. Where one expert's range reaches into the next
 * one's, both add to the same rows, and the result is that of neither.
 */
export const grouped_rows_correct = kernel(
  {
    x: input(f32, ["T", "K"]),
    w: input(f32, ["E", "N", "K"]),
    offsets: input(i32, ["E+1"]),
    y: inout(f32, ["T", "N"]),
  },
  {
    grid: ({ T, N, E }) => [ceilDiv(N, COLUMNS), ceilDiv(T, ROWS), E],
    block: [COLUMNS, ROWS],
  },
  ({ x, w, offsets, y }, { T, N, K, E }) => {
    requires(forall([E + 1], (e) => 0 <= offsets[e] && offsets[e] <= T));
    requires(forall([E + 1, E + 1], (d, e) => implies(d <= e, offsets[d] <= offsets[e])));
    const e = block.z;
    const n = block.x * COLUMNS + thread.x;
    const t = offsets[e] + block.y * ROWS + thread.y;
    if (n >= N || t >= offsets[e + 1]) return;
    let sum = f32(0);
    for (let k = 0; k < K; k++) sum += x[t][k] * w[e][n][k];
    y[t][n] += sum;
  },
);

export const grouped_rows_broken = kernel(
  {
    x: input(f32, ["T", "K"]),
    w: input(f32, ["E", "N", "K"]),
    offsets: input(i32, ["E+1"]),
    y: inout(f32, ["T", "N"]),
  },
  {
    grid: ({ T, N, E }) => [ceilDiv(N, COLUMNS), ceilDiv(T, ROWS), E],
    block: [COLUMNS, ROWS],
  },
  ({ x, w, offsets, y }, { T, N, K, E }) => {
    requires(forall([E + 1], (e) => 0 <= offsets[e] && offsets[e] <= T));
    const e = block.z;
    const n = block.x * COLUMNS + thread.x;
    const t = offsets[e] + block.y * ROWS + thread.y;
    if (n >= N || t >= offsets[e + 1]) return;
    let sum = f32(0);
    for (let k = 0; k < K; k++) sum += x[t][k] * w[e][n][k];
    y[t][n] += sum;
  },
);
