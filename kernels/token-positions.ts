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
  occurrences,
  output,
  requires,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * position[t] = offsets[ids[t]] + #{s < t : ids[s] = ids[t]}: where token t stands when tokens are sorted by expert
 *
 * One thread per expert walks over the tokens and numbers its own, so that the order of the tokens of an expert is kept.
 */
export const token_positions = kernel(
  { ids: input(i32, ["T"]), offsets: input(i32, ["E+1"]), position: output(i32, ["T"]) },
  {
    computes: "token_positions",
    index: "i32",
    grid: ({ E }) => [ceilDiv(E, THREADS)],
    block: [THREADS],
    performance: { coalesced: ["ids", "offsets", "position"] },
    budget: { vgprs: 8, lds: 0, scratch: 0 },
  },
  ({ ids, offsets, position }, { T, E }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E], (e) => offsets[e + 1] === offsets[e] + occurrences(ids, T, e)));
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    ensures(forall([T], (t) => 0 <= position[t] && position[t] < T));
    ensures(forall([T, T], (s, t) => s === t || position[s] !== position[t]));
    covers(position, (t) => ({ block: [div(ids[t], THREADS)], thread: [mod(ids[t], THREADS)], t }));
    const e = block.x * THREADS + thread.x;
    if (e >= E) return;
    let next = offsets[e];
    for (let t = 0; t < T; t++) {
      invariant(next === offsets[e] + occurrences(ids, t, e));
      if (ids[t] === e) {
        position[t] = next;
        next += 1;
      }
    }
  },
);
