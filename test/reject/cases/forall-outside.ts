import { ceilDiv, forall, i32, inout, input, invariant, kernel } from "tokitai/dsl";

const sorted = (n: number) => forall([n], (i) => i < n);

export const forallOutside = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, 64)], block: [64] },
  ({ ids, counts }, { T, E }) => {
    if (forall([T], (t) => ids[t] < E)) counts[0] = 1;
    const all = forall([T], (t) => ids[t] < E);
    for (let t = 0; t < T; t++) {
      invariant(forall([T], (u) => ids[u] < E));
      if (sorted(T)) counts[t] = 1;
    }
  },
);
