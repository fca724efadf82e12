import { block, ceilDiv, covers, div, f32, input, kernel, mod, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Turns a sequence around, for a scan from the right.
 *
 * Broken: element i goes to N − i. The first one is written past the end, and nobody writes place 0: the mistake of
 * counting from 1 on one side only.
 */
export const flip_correct = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    covers(y, (j) => ({ block: [div(N - 1 - j, THREADS)], thread: [mod(N - 1 - j, THREADS)] }));
    const i = block.x * THREADS + thread.x;
    if (i < N) y[N - 1 - i] = x[i];
  },
);

export const flip_broken = kernel(
  { x: input(f32, ["N"]), y: output(f32, ["N"]) },
  { grid: ({ N }) => [ceilDiv(N, THREADS)], block: [THREADS] },
  ({ x, y }, { N }) => {
    covers(y, (j) => ({ block: [div(N - 1 - j, THREADS)], thread: [mod(N - 1 - j, THREADS)] }));
    const i = block.x * THREADS + thread.x;
    if (i < N) y[N - i] = x[i];
  },
);
