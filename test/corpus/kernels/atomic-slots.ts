import {
  block,
  ceilDiv,
  ensures,
  forall,
  i32,
  i64,
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
 * Gives each token a slot in the buffer of its expert.
 *
 * Broken, in atomic-slots-refused.ts: the slot is what an atomic counter returns. The slots are different, but which
 * token gets which is decided by the scheduler: results change in the last bits from run to run, and a gradient cannot be
 * reproduced. Atomics have no value in the language; the count of earlier tokens has, and is always the same.
 */
export const slots_correct = kernel(
  { ids: input(i32, ["T"]), offsets: input(i32, ["E"]), slot: output(i64, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, offsets, slot }, { T, E }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    ensures(forall([T], (t) => slot[t] === offsets[ids[t]] + occurrences(ids, t, ids[t])));
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    let earlier = 0;
    for (let s = 0; s < t; s++) {
      invariant(0 <= earlier && earlier <= s && earlier === occurrences(ids, s, ids[t]));
      if (ids[s] === ids[t]) earlier += 1;
    }
    slot[t] = offsets[ids[t]] + earlier;
  },
);
