import { ceilDiv, forall, i32, inout, input, kernel, requires } from "tokitai/dsl";

const below = (t: number) => t < 4;

export const forallOfStatements = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    requires(forall([T], (t) => { return ids[t] < E; }));
    requires(forall([T], function (t) { return ids[t] < E; }));
    requires(forall([T], below));
    requires(forall([T], (t) => ids[t]));
  },
);
