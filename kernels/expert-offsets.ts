import { below, ensures, forall, i32, input, invariant, kernel, occurrences, output, requires } from "tokitai/dsl";

/**
 * offsets[e] = Σ counts[f] over f < e: where each expert's assignments begin; offsets[E] is how many there are
 *
 * There are few experts, so that one thread adds them up in order. `ids` is what was counted: it is not read, but says
 * that the sum of all counts is T.
 */
export const expert_offsets = kernel(
  { ids: input(i32, ["T"]), counts: input(i32, ["E"]), offsets: output(i32, ["E+1"]) },
  { computes: "expert_offsets", index: "i32", grid: () => [1], block: [1], budget: { vgprs: 8, lds: 0, scratch: 0 } },
  ({ ids, counts, offsets }, { T, E }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    requires(forall([E], (e) => counts[e] === occurrences(ids, T, e)));
    ensures(offsets[0] === 0 && offsets[E] === T);
    ensures(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
    ensures(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    let sum = 0;
    offsets[0] = 0;
    for (let e = 0; e < E; e++) {
      invariant(sum === below(ids, T, e));
      sum += counts[e];
      offsets[e + 1] = sum;
    }
  },
);
