import { ceilDiv, f32, forall, i32, inout, input, kernel, requires, thread } from "tokitai/dsl";

export const requiresOfFloats = kernel(
  { x: input(f32, ["N"]), ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ x, ids, counts }, { T, E, N }) => {
    requires(forall([N], (n) => x[n] > 0.0));
    requires(x[0] > 0.0);
    requires(forall([T], (t) => f32(ids[t]) < 1.5));
    requires(forall([T], (t) => ids[t] < thread.x));
    requires(T > 0, E > 0);
  },
);
