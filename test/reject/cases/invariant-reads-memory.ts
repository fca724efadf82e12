import { ceilDiv, f32, i32, inout, input, invariant, kernel, output, shared } from "tokitai/dsl";

export const invariantReadsMemory = kernel(
  { x: input(f32, ["N"]), ids: input(i32, ["T"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ x, ids, out, counts }, { T }) => {
    const s = shared(i32, [4]);
    for (let t = 0; t < T; t++) {
      invariant(counts[0] >= t);
      invariant(out[0] >= t);
      invariant(s[0] >= t);
      invariant(x[0] >= 0.0);
      invariant(ids[0] <= counts[0]);
      counts[t] = s[0];
    }
  },
);
