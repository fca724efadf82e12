import { block, ceilDiv, forall, i32, i64, input, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The number of tokens of each expert, from offsets in ascending order.
 *
 * Broken: the condition "each offset is at most the next" is stated for all E + 1 of them. The last one has no next: the
 * check that the launcher runs on the data would itself read past the tensor.
 */
export const offset_differences_correct = kernel(
  { offsets: input(i32, ["E+1"]), counts: output(i64, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, THREADS)], block: [THREADS] },
  ({ offsets, counts }, { E }) => {
    requires(forall([E], (e) => offsets[e] <= offsets[e + 1]));
    const e = block.x * THREADS + thread.x;
    if (e < E) counts[e] = offsets[e + 1] - offsets[e];
  },
);

export const offset_differences_broken = kernel(
  { offsets: input(i32, ["E+1"]), counts: output(i64, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, THREADS)], block: [THREADS] },
  ({ offsets, counts }, { E }) => {
    requires(forall([E + 1], (e) => offsets[e] <= offsets[e + 1]));
    const e = block.x * THREADS + thread.x;
    if (e < E) counts[e] = offsets[e + 1] - offsets[e];
  },
);
