import { ceilDiv, covers, i32, inout, input, kernel, occurrences, output, prefixSum, thread } from "tokitai/dsl";

export const ghostOutside = kernel(
  { ids: input(i32, ["T"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, out, counts }, { T, E }) => {
    covers(out, (t) => ({ thread: [occurrences(ids, t, 0)] }));
    const before = prefixSum(ids, E);
    if (occurrences(ids, T, 0) > 0) counts[0] = before;
  },
);
