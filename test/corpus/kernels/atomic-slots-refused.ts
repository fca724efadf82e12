import {
  atomicAdd,
  block,
  ceilDiv,
  forall,
  i32,
  i64,
  inout,
  input,
  kernel,
  output,
  requires,
  thread,
} from "tokitai/dsl";

const THREADS = 64;

/** The broken twin of atomic-slots.ts: the order of the slots is the scheduler's. */
export const slots_broken = kernel(
  { ids: input(i32, ["T"]), next: inout(i32, ["E"]), slot: output(i64, ["T"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, next, slot }, { T, E }) => {
    requires(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    const t = block.x * THREADS + thread.x;
    if (t < T) slot[t] = atomicAdd(next[ids[t]], 1);
  },
);
