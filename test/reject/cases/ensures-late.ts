import { ceilDiv, ensures, i32, inout, kernel } from "tokitai/dsl";

export const ensuresLate = kernel(
  { counts: inout(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, 64)], block: [64] },
  ({ counts }) => {
    counts[0] = 1;
    ensures(counts[0] === 1);
    const done = ensures(counts[0] === 1);
  },
);
