import { ensures, forall, i32, input, invariant, kernel, output, prefixSum, requires } from "tokitai/dsl";

/**
 * offsets[e] = Σ counts[f] over f < e: where each expert's tokens begin; offsets[E] is how many there are
 *
 * There are few experts, so that one thread adds them up in order.
 */
export const expert_offsets = kernel(
  { counts: input(i32, ["E"]), offsets: output(i32, ["E+1"]) },
  { grid: () => [1], block: [1] },
  ({ counts, offsets }, { E }) => {
    requires(forall([E], (e) => 0 <= counts[e]));
    requires(prefixSum(counts, E) <= 2147483647);
    ensures(forall([E + 1], (e) => offsets[e] === prefixSum(counts, e)));
    ensures(offsets[0] === 0);
    ensures(forall([E], (e) => offsets[e + 1] === offsets[e] + counts[e]));
    ensures(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    let sum = 0;
    offsets[0] = 0;
    for (let e = 0; e < E; e++) {
      invariant(sum === prefixSum(counts, e));
      sum += counts[e];
      offsets[e + 1] = sum;
    }
  },
);
