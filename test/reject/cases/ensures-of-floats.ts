import { ceilDiv, ensures, f32, forall, i32, inout, kernel, output, thread } from "tokitai/dsl";

export const ensuresOfFloats = kernel(
  { y: output(f32, ["N"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ y, out, counts }, { T, N }) => {
    ensures(forall([N], (n) => y[n] > 0.0));
    ensures(f32(counts[0]) < 1.5);
    ensures(forall([T], (t) => out[t] === thread.x));
  },
);
