import { f32, i32, input, kernel, min, output, scalar, thread } from "tokitai/dsl";

const THREADS = 1024;

/**
 * A partial sum of at most `limit` elements, where 2³¹ − 1 means "all of them".
 *
 * Broken: the counter that ends the loop is the last one plus 1,024, and with the limit at INT_MAX that sum wraps to a
 * negative number: in C the loop never ends. Which size the tensor has does not matter.
 */
export const last_increment_correct = kernel(
  { x: input(f32, ["N"]), limit: scalar(i32), y: output(f32, [1024]) },
  { grid: () => [1], block: [THREADS], index: "i32" },
  ({ x, limit, y }, { N }) => {
    let sum = f32(0);
    for (let i = thread.x; i < min(limit, N); i += THREADS) sum += x[i];
    y[thread.x] = sum;
  },
);

export const last_increment_broken = kernel(
  { x: input(f32, ["N"]), limit: scalar(i32), y: output(f32, [1024]) },
  { grid: () => [1], block: [THREADS], index: "i32" },
  ({ x, limit, y }, { N }) => {
    let sum = f32(0);
    for (let i = thread.x; i < limit; i += THREADS) {
      if (i < N) sum += x[i];
    }
    y[thread.x] = sum;
  },
);
