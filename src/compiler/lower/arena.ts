/**
 * The arena: which buffers of a plan share memory.
 *
 * A buffer is live from the first launch that names it to the last. Buffers whose live ranges are disjoint may share a
 * class; each buffer, in the order of its first use, takes the first class that is free. The assignment does not depend
 * on sizes, so that it is the same for every batch.
 */

import type { ArenaBuffer, Launch } from "../../ir/plan.ts";

interface LiveRange {
  readonly first: number;
  readonly last: number;
}

export function shareArena(
  buffers: readonly Omit<ArenaBuffer, "shareClass">[],
  launches: readonly Launch[],
): readonly ArenaBuffer[] {
  const ranges = liveRanges(launches);
  const rangeOf = (name: string): LiveRange => ranges.get(name) ?? { first: -1, last: launches.length };
  const inOrder = [...buffers].sort((a, b) => rangeOf(a.name).first - rangeOf(b.name).first);
  /** Per class, the last launch that uses it so far. */
  const busyUntil: number[] = [];
  return inOrder.map((buffer) => {
    const { first, last } = rangeOf(buffer.name);
    const free = busyUntil.findIndex((end) => end < first);
    const shareClass = free === -1 ? busyUntil.length : free;
    busyUntil[shareClass] = last;
    return { ...buffer, shareClass };
  });
}

/** The first and last launch that names each buffer. */
export function liveRanges(launches: readonly Launch[]): ReadonlyMap<string, LiveRange> {
  const ranges = new Map<string, LiveRange>();
  for (const [position, { args }] of launches.entries()) {
    for (const { buffer } of Object.values(args)) {
      ranges.set(buffer, { first: ranges.get(buffer)?.first ?? position, last: position });
    }
  }
  return ranges;
}
