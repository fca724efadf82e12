import { ceilDiv, forall, i32, inout, input, kernel, requires } from "tokitai/dsl";

export const forallOfSizes = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    requires(forall([T], (t) => t < E));
  },
);
