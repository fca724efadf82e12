import { ceilDiv, forall, i32, inout, input, kernel, requires } from "tokitai/dsl";

export const forallNested = kernel(
  { ids: input(i32, ["T"]), grid: input(i32, ["T", "E"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, grid, counts }, { T, E }) => {
    requires(forall([T], (t) => forall([E], (e) => grid[t][e] < ids[t])));
  },
);
