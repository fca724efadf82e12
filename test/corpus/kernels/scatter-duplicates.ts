import { block, ceilDiv, f32, forall, i32, inout, input, kernel, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Moves each token's row to its place in the order of the experts.
 *
 * Broken: that places are in range is required, that they differ is not. Two tokens that were given one place, as by a
 * routing kernel whose counter was not reset, race for its row, and another row keeps what was there.
 */
export const scatter_correct = kernel(
  { x: input(f32, ["T", "N"]), position: input(i32, ["T"]), y: inout(f32, ["T", "N"]) },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ x, position, y }, { T, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T));
    requires(forall([T, T], (s, t) => s === t || position[s] !== position[t]));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[position[block.y]][n] = x[block.y][n];
  },
);

export const scatter_broken = kernel(
  { x: input(f32, ["T", "N"]), position: input(i32, ["T"]), y: inout(f32, ["T", "N"]) },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ x, position, y }, { T, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[position[block.y]][n] = x[block.y][n];
  },
);
