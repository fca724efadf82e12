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

const THREADS = 64;

/**
 * Dispatch of tokens to a dense buffer in the order of the experts, given the permutation and its inverse.
 *
 * Broken: the inverse is required to invert only for places that hold a token, and −1 is allowed for others. A place
 * without a token is never written, but the grouped product reads the whole buffer.
 */
export const dispatch_correct = kernel(
  {
    x: input(f32, ["T", "N"]),
    position: input(i32, ["T"]),
    source: input(i32, ["T"]),
    y: output(f32, ["T", "N"]),
  },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ x, position, source, y }, { T, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T && source[position[t]] === t));
    requires(forall([T], (p) => 0 <= source[p] && source[p] < T && position[source[p]] === p));
    covers(y, (p, n) => ({ block: [div(n, THREADS), source[p]], thread: [mod(n, THREADS)] }));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[position[block.y]][n] = x[block.y][n];
  },
);

export const dispatch_broken = kernel(
  {
    x: input(f32, ["T", "N"]),
    position: input(i32, ["T"]),
    source: input(i32, ["P"]),
    y: output(f32, ["P", "N"]),
  },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ x, position, source, y }, { T, N, P }) => {
    requires(T >= 1);
    requires(forall([T], (t) => 0 <= position[t] && position[t] < P && source[position[t]] === t));
    requires(forall([P], (p) => -1 <= source[p] && source[p] < T));
    covers(y, (p, n) => ({ block: [div(n, THREADS), source[p]], thread: [mod(n, THREADS)] }));
    const n = block.x * THREADS + thread.x;
    if (n < N) y[position[block.y]][n] = x[block.y][n];
  },
);
