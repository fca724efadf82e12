import { atomicAdd, atomicMax, atomicMin, ceilDiv, f32, i32, inout, input, kernel } from "tokitai/dsl";

export const atomicOperands = kernel(
  { x: input(f32, ["N"]), ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ x, ids, counts }) => {
    const n = ids[0];
    atomicAdd(counts, 1);
    atomicAdd(n, 1);
    atomicAdd(counts[0]);
    atomicAdd(counts[0], 1.5);
    atomicMin(counts[0], n > 0);
    atomicMax(counts[0], x[0]);
  },
);
