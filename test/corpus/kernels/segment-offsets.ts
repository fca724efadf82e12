import { block, ceilDiv, f32, forall, i32, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The sum of each segment of a vector, as for the rows of a sparse matrix.
 *
 * Broken: of the offsets only the last one is required to be right. A row pointer in the middle that is larger than the
 * last one makes its segment run past the end; a sorted file never shows it.
 */
export const segment_sum_correct = kernel(
  { values: input(f32, ["N"]), offsets: input(i32, ["S+1"]), y: output(f32, ["S"]) },
  { grid: ({ S }) => [ceilDiv(S, THREADS)], block: [THREADS] },
  ({ values, offsets, y }, { N, S }) => {
    requires(forall([S + 1], (s) => 0 <= offsets[s] && offsets[s] <= N));
    const s = block.x * THREADS + thread.x;
    if (s >= S) return;
    let sum = f32(0);
    for (let i = offsets[s]; i < offsets[s + 1]; i++) sum += values[i];
    y[s] = sum;
  },
);

export const segment_sum_broken = kernel(
  { values: input(f32, ["N"]), offsets: input(i32, ["S+1"]), y: output(f32, ["S"]) },
  { grid: ({ S }) => [ceilDiv(S, THREADS)], block: [THREADS] },
  ({ values, offsets, y }, { N, S }) => {
    requires(offsets[0] === 0 && offsets[S] === N);
    const s = block.x * THREADS + thread.x;
    if (s >= S) return;
    let sum = f32(0);
    for (let i = offsets[s]; i < offsets[s + 1]; i++) sum += values[i];
    y[s] = sum;
  },
);
