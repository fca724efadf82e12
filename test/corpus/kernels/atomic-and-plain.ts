import { atomicAdd, block, ceilDiv, i32, inout, input, kernel, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * Counts the tokens of each expert; expert 0 stands for tokens that were dropped, and counts as nothing.
 *
 * Broken: a thread sets its counter back to 0 with a plain store, while others still add to it atomically. Whether the
 * count ends at 0 depends on who comes last; an atomic and a plain access to one location are a race like any other.
 */
export const atomic_count_correct = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, counts }, { T, E }) => {
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const e = ids[t];
    if (0 < e && e < E) atomicAdd(counts[e], 1);
  },
);

export const atomic_count_broken = kernel(
  { ids: input(i32, ["T"]), counts: inout(i32, ["E"]) },
  { grid: ({ T }) => [ceilDiv(T, THREADS)], block: [THREADS] },
  ({ ids, counts }, { T, E }) => {
    const t = block.x * THREADS + thread.x;
    if (t >= T) return;
    const e = ids[t];
    if (0 <= e && e < E) atomicAdd(counts[e], 1);
    if (t === T - 1 && E > 0) counts[0] = 0;
  },
);
