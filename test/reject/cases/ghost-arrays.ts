import { ceilDiv, covers, f32, i32, inout, input, invariant, kernel, nthOccurrence, occurrences, output, prefixSum, requires, shared } from "tokitai/dsl";

export const ghostArrays = kernel(
  { x: input(f32, ["N"]), ids: input(i32, ["T"]), grid: input(i32, ["T", "E"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ x, ids, grid, out, counts }, { T, E }) => {
    requires(prefixSum(counts, E) === T);
    requires(prefixSum(x, E) === T);
    requires(prefixSum(grid, E) === T);
    requires(prefixSum(E, E) === T);
    requires(occurrences(out, T, 0) < E);
    requires(occurrences(ids, T) < E);
    requires(occurrences(ids, T, 0.5) < E);
    requires(prefixSum(ids, T > 0) < E);
    covers(out, (t) => ({ t: nthOccurrence(ids, T, 0) }));
    covers(out, (t) => ({ t: nthOccurrence(counts, E, 0, t) }));
    covers(out, (t) => ({ t: nthOccurrence(ids, T, 0, t > 0) }));
    const s = shared(i32, [64]);
    for (let t = 0; t < T; t++) {
      invariant(prefixSum(s, t) >= 0);
      counts[t] = s[0];
    }
  },
);
