import { ceilDiv, covers, i32, inout, kernel, output, thread } from "tokitai/dsl";

export const coversLate = kernel(
  { out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ out, counts }) => {
    counts[0] = 1;
    covers(out, (t) => ({ thread: [t] }));
    const covered = covers(out, (t) => ({ thread: [t] }));
  },
);
