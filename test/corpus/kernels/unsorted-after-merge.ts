import {
  block,
  ceilDiv,
  ensures,
  forall,
  i32,
  implies,
  input,
  kernel,
  min,
  output,
  requires,
  scalar,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/**
 * Clamps offsets to a new number of tokens, and promises that they are ascending still.
 *
 * Broken: the offsets beyond the limit become 0, the mark for "unused", instead of the limit. Ascending they are no more,
 * and the grouped product that follows takes it from its contract.
 */
export const clamp_offsets_correct = kernel(
  { before: input(i32, ["E"]), limit: scalar(i32), after: output(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, THREADS)], block: [THREADS] },
  ({ before, limit, after }, { E }) => {
    requires(forall([E, E], (d, e) => implies(d <= e, before[d] <= before[e])));
    ensures(forall([E, E], (d, e) => implies(d <= e, after[d] <= after[e])));
    const e = block.x * THREADS + thread.x;
    if (e < E) after[e] = min(before[e], limit);
  },
);

export const clamp_offsets_broken = kernel(
  { before: input(i32, ["E"]), limit: scalar(i32), after: output(i32, ["E"]) },
  { grid: ({ E }) => [ceilDiv(E, THREADS)], block: [THREADS] },
  ({ before, limit, after }, { E }) => {
    requires(forall([E, E], (d, e) => implies(d <= e, before[d] <= before[e])));
    ensures(forall([E, E], (d, e) => implies(d <= e, after[d] <= after[e])));
    const e = block.x * THREADS + thread.x;
    if (e < E) after[e] = before[e] <= limit ? before[e] : 0;
  },
);
