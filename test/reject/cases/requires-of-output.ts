import { ceilDiv, forall, i32, kernel, output, requires } from "tokitai/dsl";

export const requiresOfOutput = kernel(
  { out: output(i32, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ out }, { T }) => {
    requires(forall([T], (t) => out[t] === 0));
    requires(out[0] === 0);
  },
);
