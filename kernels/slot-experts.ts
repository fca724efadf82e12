import { block, ceilDiv, ensures, forall, i32, input, invariant, kernel, output, requires, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * expert[p] = the e with offsets[e] ≤ p < offsets[e+1]: whose row p is when rows are sorted by expert
 *
 * One thread per row walks over the experts and keeps the last that begins at or before the row, so that an expert
 * without rows, which begins where the next one does, owns none. `ids` is what was sorted: it is not read.
 */
export const slot_experts = kernel(
  { ids: input(i32, ["T"]), offsets: input(i32, ["E+1"]), expert: output(i32, ["T"]) },
  {
    computes: "slot_experts",
    index: "i32",
    grid: ({ T }) => [ceilDiv(T, THREADS)],
    block: [THREADS],
    performance: { coalesced: ["offsets", "expert"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ offsets, expert }, { T, E }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    ensures(
      forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
    );
    const p = block.x * THREADS + thread.x;
    if (p >= T) return;
    let owner = 0;
    for (let e = 0; e < E; e++) {
      invariant(0 <= owner && (owner < e || owner === 0));
      invariant(offsets[owner] <= p);
      invariant(owner + 1 === e || e === 0 || p < offsets[owner + 1]);
      if (offsets[e] <= p) owner = e;
    }
    expert[p] = owner;
  },
);
