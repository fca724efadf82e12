import { ceilDiv, covers, i32, inout, kernel, output, thread } from "tokitai/dsl";

export const coversValues = kernel(
  { out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ out, counts }) => {
    covers(out, (t) => ({ thread: [thread.x] }));
    covers(out, (t) => ({ thread: [counts[t]] }));
    covers(out, (t) => ({ thread: [0.5] }));
    covers(out, (t) => ({ block: [out[t]], thread: [t > 0] }));
  },
);
