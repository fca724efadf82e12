import {
  block,
  ceilDiv,
  ensures,
  forall,
  i32,
  input,
  invariant,
  kernel,
  occurrences,
  output,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * counts[e] = #{t : ids[t] = e}: how many tokens each expert has
 *
 * One thread per expert counts over all tokens; no atomics, so that nothing depends on the order of threads.
 */
export const expert_counts = kernel(
  { ids: input(i32, ["T"]), counts: output(i32, ["E"]) },
  {
    computes: "expert_counts",
    index: "i32",
    grid: ({ E }) => [ceilDiv(E, THREADS)],
    block: [THREADS],
    performance: { coalesced: ["ids", "counts"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ ids, counts }, { T, E }) => {
    ensures(forall([E], (e) => counts[e] === occurrences(ids, T, e)));
    ensures(forall([E], (e) => 0 <= counts[e]));
    const e = block.x * THREADS + thread.x;
    if (e >= E) return;
    let count = 0;
    for (let t = 0; t < T; t++) {
      invariant(count === occurrences(ids, t, e));
      if (ids[t] === e) count += 1;
    }
    counts[e] = count;
  },
);
