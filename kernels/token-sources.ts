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
  requires,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * source[p] = the token that stands at p when tokens are sorted by expert: the inverse of `token_positions`
 *
 * One thread per place walks over the tokens and counts those of its expert, until it comes to its own.
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
    grid: ({ T }) => [ceilDiv(T, THREADS)],
    block: [THREADS],
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ ids, offsets, expert, source }, { T, E }) => {
    requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
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
    const p = block.x * THREADS + thread.x;
    if (p >= T) return;
    const e = expert[p];
    const wanted = p - offsets[e];
    let seen = 0;
    let token = 0;
    for (let t = 0; t < T; t++) {
      invariant(seen === occurrences(ids, t, e));
      invariant(0 <= token && token < T);
      invariant(seen <= wanted || (ids[token] === e && wanted === occurrences(ids, token, e)));
      if (ids[t] === e) {
        if (seen === wanted) token = t;
        seen += 1;
      }
    }
    source[p] = token;
  },
);
