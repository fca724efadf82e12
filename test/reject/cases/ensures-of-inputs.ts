import { ceilDiv, ensures, forall, i32, inout, input, kernel, prefixSum } from "tokitai/dsl";

export const ensuresOfInputs = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    ensures(T > 0);
    ensures(forall([T], (t) => ids[t] < E));
    ensures(prefixSum(ids, T) === E);
    ensures(counts[0] > 0, counts[1] > 0);
    ensures(counts[0]);
  },
);
