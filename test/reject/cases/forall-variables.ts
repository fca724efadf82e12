import { ceilDiv, forall, i32, inout, input, kernel, requires, thread } from "tokitai/dsl";

const LIMIT = 8;

export const forallVariables = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    requires(forall([T], (ids) => ids < E));
    requires(forall([T], (E) => ids[E] < LIMIT));
    requires(forall([T], (LIMIT) => ids[LIMIT] < E));
    requires(forall([T], (thread) => ids[thread] < E));
    requires(forall([T], (t = 0) => ids[t] < E));
    requires(forall([T, T], (...t) => ids[t[0]] < E));
  },
);
