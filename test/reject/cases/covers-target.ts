import { ceilDiv, covers, i32, inout, input, kernel, output, thread } from "tokitai/dsl";

export const coversTarget = kernel(
  { ids: input(i32, ["T"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, out, counts }, { E }) => {
    covers(ids, (t) => ({ thread: [t] }));
    covers(counts, (e) => ({ thread: [e] }));
    covers(out[0], () => ({ thread: [0] }));
    covers(E, () => ({ thread: [0] }));
    covers(out);
  },
);
