import {
  block,
  ceilDiv,
  f32,
  i32,
  input,
  kernel,
  mod,
  output,
  randomBits,
  requires,
  scalar,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * Draws a row of a table for each token, as negative sampling does.
 *
 * Broken: the remainder is taken of one more than there are rows, so that now and then the row after the last is drawn.
 */
export const random_row_correct = kernel(
  { table: input(f32, ["V"]), y: output(f32, ["T"]), seed: scalar(i32), step: scalar(i32) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ table, y, seed, step }, { T, V }) => {
    requires(V >= 1);
    const t = block.x * THREADS + thread.x;
    if (t < T) y[t] = table[mod(randomBits(seed, 0, step, t), V)];
  },
);

export const random_row_broken = kernel(
  { table: input(f32, ["V"]), y: output(f32, ["T"]), seed: scalar(i32), step: scalar(i32) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ table, y, seed, step }, { T, V }) => {
    requires(V >= 1);
    const t = block.x * THREADS + thread.x;
    if (t < T) y[t] = table[mod(randomBits(seed, 0, step, t), V + 1)];
  },
);
