import { atomicAdd, atomicMax, atomicMin, ceilDiv, i32, inout, kernel } from "tokitai/dsl";

export const atomicAsValue = kernel(
  { counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ counts }) => {
    const slot = atomicAdd(counts[0], 1);
    counts[1] = atomicMin(counts[0], 1);
    if (atomicMax(counts[0], 1) > 0) counts[2] = 1;
  },
);
