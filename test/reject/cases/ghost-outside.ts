import { ceilDiv, covers, ensures, i32, inout, input, kernel, nthOccurrence, occurrences, output, prefixSum, requires, thread } from "tokitai/dsl";

export const ghostOutside = kernel(
  { ids: input(i32, ["T"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, out, counts }, { T, E }) => {
    covers(out, (t) => ({ thread: [occurrences(ids, t, 0)] }));
    requires(nthOccurrence(ids, T, 0, 0) === 0);
    ensures(out[nthOccurrence(ids, T, 0, 0)] === 0);
    const before = prefixSum(ids, E) + nthOccurrence(ids, T, 0, 0);
    if (occurrences(ids, T, 0) > 0) counts[0] = before;
  },
);
