import { block, ensures, forall, i32, input, invariant, kernel, output, prefixSum, requires } from "tokitai/dsl";

/**
 * The offsets of the experts' tokens: the exclusive prefix sum of their counts, one thread per expert.
 *
 * Broken: the loop includes the expert's own count, which makes the sum the inclusive one. Every expert then works on the
 * tokens of the next, and the last one on none: the shapes fit, the results are those of other experts.
 */
export const exclusive_scan_correct = kernel(
  { counts: input(i32, ["E"]), offsets: output(i32, ["E"]) },
  { grid: ({ E }) => [E], block: [1] },
  ({ counts, offsets }, { E }) => {
    requires(E <= 64);
    requires(forall([E], (e) => 0 <= counts[e] && counts[e] <= 1_000_000));
    ensures(forall([E], (e) => offsets[e] === prefixSum(counts, e)));
    let total = 0;
    for (let i = 0; i < block.x; i++) {
      invariant(0 <= total && total <= i * 1_000_000 && total === prefixSum(counts, i));
      total += counts[i];
    }
    offsets[block.x] = total;
  },
);

export const exclusive_scan_broken = kernel(
  { counts: input(i32, ["E"]), offsets: output(i32, ["E"]) },
  { grid: ({ E }) => [E], block: [1] },
  ({ counts, offsets }, { E }) => {
    requires(E <= 64);
    requires(forall([E], (e) => 0 <= counts[e] && counts[e] <= 1_000_000));
    ensures(forall([E], (e) => offsets[e] === prefixSum(counts, e)));
    let total = 0;
    for (let i = 0; i <= block.x; i++) {
      invariant(0 <= total && total <= i * 1_000_000 && total === prefixSum(counts, i));
      total += counts[i];
    }
    offsets[block.x] = total;
  },
);
