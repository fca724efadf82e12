import { ceilDiv, i32, implies, inout, input, kernel, requires } from "tokitai/dsl";

export const impliesOfNumbers = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    requires(implies(T, E > 0));
    requires(implies(T > 0, E));
    requires(implies(T > 0));
  },
);
