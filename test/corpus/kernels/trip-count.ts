import { block, ceilDiv, f32, i32, input, kernel, output, requires, scalar, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The sum of the first `count` elements of each row, as in pooling over the tokens that are no padding.
 *
 * Broken: the trip count is a scalar that nothing ties to the row's length. A batch that was truncated without its counts
 * reads the next row, and in the last row past the end.
 */
export const trip_count_correct = kernel(
  { x: input(f32, ["B", "N"]), count: scalar(i32), y: output(f32, ["B"]) },
  { grid: ({ B }) => [ceilDiv(B, THREADS)], block: [THREADS] },
  ({ x, count, y }, { B, N }) => {
    requires(count <= N);
    const b = block.x * THREADS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    for (let n = 0; n < count; n++) sum += x[b][n];
    y[b] = sum;
  },
);

export const trip_count_broken = kernel(
  { x: input(f32, ["B", "N"]), count: scalar(i32), y: output(f32, ["B"]) },
  { grid: ({ B }) => [ceilDiv(B, THREADS)], block: [THREADS] },
  ({ x, count, y }, { B }) => {
    const b = block.x * THREADS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    for (let n = 0; n < count; n++) sum += x[b][n];
    y[b] = sum;
  },
);
