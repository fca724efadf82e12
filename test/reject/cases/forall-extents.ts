import { ceilDiv, forall, i32, inout, input, kernel, prefixSum, requires, thread } from "tokitai/dsl";

export const forallExtents = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    requires(forall([ids[0]], (t) => ids[t] < E));
    requires(forall([thread.x], (t) => ids[t] < E));
    requires(forall([1.5], (t) => ids[t] < E));
    requires(forall([prefixSum(ids, T)], (t) => ids[t] < E));
    requires(forall([T], (t, u) => ids[t] < u));
    requires(forall([T, T], (t) => ids[t] < E));
    requires(forall(T, (t) => ids[t] < E));
    requires(forall([], () => ids[0] < E));
    requires(forall([T]));
  },
);
