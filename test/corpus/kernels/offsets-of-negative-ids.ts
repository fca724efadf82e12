import { below, forall, i32, input, invariant, kernel, occurrences, output, requires } from "tokitai/dsl";

/**
 * Where each expert's tokens begin, from how many it has.
 *
 * Broken: nothing says that the numbers of experts are at least 0. Tokens of expert −1 come before those of expert 0, so
 * that the sums begin too low.
 */
export const offsets_correct = kernel(
  { ids: input(i32, ["T"]), counts: input(i32, ["E"]), offsets: output(i32, ["E+1"]) },
  { index: "i32", grid: () => [1], block: [1] },
  ({ ids, counts, offsets }, { T, E }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    requires(forall([E], (e) => counts[e] === occurrences(ids, T, e)));
    let sum = 0;
    offsets[0] = 0;
    for (let e = 0; e < E; e++) {
      invariant(sum === below(ids, T, e));
      sum += counts[e];
      offsets[e + 1] = sum;
    }
  },
);

export const offsets_broken = kernel(
  { ids: input(i32, ["T"]), counts: input(i32, ["E"]), offsets: output(i32, ["E+1"]) },
  { index: "i32", grid: () => [1], block: [1] },
  ({ ids, counts, offsets }, { T, E }) => {
    requires(forall([T], (t) => ids[t] < E));
    requires(forall([E], (e) => counts[e] === occurrences(ids, T, e)));
    let sum = 0;
    offsets[0] = 0;
    for (let e = 0; e < E; e++) {
      invariant(sum === below(ids, T, e));
      sum += counts[e];
      offsets[e + 1] = sum;
    }
  },
);
