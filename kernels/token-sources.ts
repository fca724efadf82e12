import {
  block,
  ceilDiv,
  covers,
  div,
  ensures,
  forall,
  i32,
  input,
  invariant,
  kernel,
  mod,
  nthOccurrence,
  occurrences,
  output,
  requires,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * source[p] = the token that stands at p when tokens are sorted by expert: the inverse of `token_positions`
 *
 * One thread per expert walks over the tokens and notes its own in the expert's places, in order. The place p of an expert
 * whose places begin at o is that of its token number p - o.
 */
export const token_sources = kernel(
  {
    ids: input(i32, ["T"]),
    offsets: input(i32, ["E+1"]),
    expert: input(i32, ["T"]),
    source: output(i32, ["T"]),
  },
  {
    computes: "token_sources",
    index: "i32",
    grid: ({ E }) => [ceilDiv(E, THREADS)],
    block: [THREADS],
    performance: { coalesced: ["ids", "offsets"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ ids, offsets, expert, source }, { T, E }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    requires(
      forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
    );
    ensures(forall([T], (p) => 0 <= source[p] && source[p] < T && ids[source[p]] === expert[p]));
    ensures(
      forall(
        [T],
        (p) =>
          0 <= source[p] &&
          source[p] < T &&
          0 <= expert[p] &&
          expert[p] < E &&
          p === offsets[expert[p]] + occurrences(ids, source[p], expert[p]),
      ),
    );
    covers(source, (p) => ({
      block: [div(expert[p], THREADS)],
      thread: [mod(expert[p], THREADS)],
      t: nthOccurrence(ids, T, expert[p], p - offsets[expert[p]]),
    }));
    const e = block.x * THREADS + thread.x;
    if (e >= E) return;
    let next = offsets[e];
    for (let t = 0; t < T; t++) {
      invariant(next === offsets[e] + occurrences(ids, t, e));
      if (ids[t] === e) {
        source[next] = t;
        next += 1;
      }
    }
  },
);
