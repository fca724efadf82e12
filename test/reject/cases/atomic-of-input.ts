import { atomicAdd, ceilDiv, i32, inout, input, kernel } from "tokitai/dsl";

export const atomicOfInput = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }) => {
    atomicAdd(ids[0], 1);
  },
);
