import { block, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Normalises a row by its threads, each taking every 64th element.
 *
 * Broken: the loop starts at the block's id instead of the thread's. All 64 threads work on the same elements, and a row
 * is written from its own number on only.
 */
export const stride_from_block_correct = kernel(
  { x: input(f32, ["B", "N"]), by: input(f32, ["B"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, by, y }, { N }) => {
    const b = block.x;
    for (let n = thread.x; n < N; n += THREADS) y[b][n] = x[b][n] / by[b];
  },
);

export const stride_from_block_broken = kernel(
  { x: input(f32, ["B", "N"]), by: input(f32, ["B"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B }) => [B], block: [THREADS] },
  ({ x, by, y }, { N }) => {
    const b = block.x;
    for (let n = block.x; n < N; n += THREADS) y[b][n] = x[b][n] / by[b];
  },
);
