import { ceilDiv, ensures, forall, i32, inout, input, kernel, output, requires } from "tokitai/dsl";

const implied = (n: number) => n > 0 && n < 5;

export const forallJoined = kernel(
  { ids: input(i32, ["T"]), out: output(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, out, counts }, { T, E }) => {
    requires(T > 0 && forall([T], (t) => ids[t] < E));
    requires(forall([T], (t) => ids[t] < E) && forall([T], (t) => 0 <= ids[t]));
    requires(T === 0 || forall([T], (t) => ids[t] < E));
    requires(!forall([T], (t) => implied(ids[t])));
    ensures(E > 0 && forall([T], (t) => out[t] < E));
  },
);
