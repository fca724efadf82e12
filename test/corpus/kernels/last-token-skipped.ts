import {
  block,
  ceilDiv,
  covers,
  div,
  forall,
  i32,
  implies,
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

const THREADS = 4;

/**
 * Sorts tokens by expert: each expert's thread notes its tokens in the expert's places, in order.
 *
 * Broken: the loop ends before the last token, whose place stays unwritten.
 */
export const places_correct = kernel(
  { ids: input(i32, ["T"]), offsets: input(i32, ["E+1"]), expert: input(i32, ["T"]), source: output(i32, ["T"]) },
  { grid: ({ E }) => [ceilDiv(E, THREADS)], block: [THREADS] },
  ({ ids, offsets, expert, source }, { T, E }) => {
    requires(T <= 1_000_000 && offsets[0] === 0 && offsets[E] === T);
    requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
    requires(forall([E + 1, E + 1], (e, f) => implies(e <= f, offsets[e] <= offsets[f])));
    requires(
      forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
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

export const places_broken = kernel(
  { ids: input(i32, ["T"]), offsets: input(i32, ["E+1"]), expert: input(i32, ["T"]), source: output(i32, ["T"]) },
  { grid: ({ E }) => [ceilDiv(E, THREADS)], block: [THREADS] },
  ({ ids, offsets, expert, source }, { T, E }) => {
    requires(T <= 1_000_000 && offsets[0] === 0 && offsets[E] === T);
    requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
    requires(forall([E + 1, E + 1], (e, f) => implies(e <= f, offsets[e] <= offsets[f])));
    requires(
      forall([T], (p) => 0 <= expert[p] && expert[p] < E && offsets[expert[p]] <= p && p < offsets[expert[p] + 1]),
    );
    covers(source, (p) => ({
      block: [div(expert[p], THREADS)],
      thread: [mod(expert[p], THREADS)],
      t: nthOccurrence(ids, T, expert[p], p - offsets[expert[p]]),
    }));
    const e = block.x * THREADS + thread.x;
    if (e >= E) return;
    let next = offsets[e];
    for (let t = 0; t < T - 1; t++) {
      invariant(next === offsets[e] + occurrences(ids, t, e));
      if (ids[t] === e) {
        source[next] = t;
        next += 1;
      }
    }
  },
);
