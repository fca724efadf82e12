import { ceilDiv, covers, i32, inout, kernel, output } from "tokitai/dsl";

export const coversCounters = kernel(
  { out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ out, counts }, { T, E }) => {
    covers(out, (t) => ({ k: t }));
    covers(out, (t) => ({ e: t, t }));
    for (let e = 0; e < E; e++) counts[e] = 1;
    for (let t = 0; t < T; t++) out[t] = 1;
  },
);
