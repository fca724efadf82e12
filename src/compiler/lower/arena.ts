/**
 * The arena: which buffers of a plan share memory.
 *
 * A buffer is live from the first launch that names it to the last. Buffers whose live ranges are disjoint may share a
 * class; each buffer, in the order of its first use, takes the free class that is nearest to its size, which may grow. A
 * class that is more than twice as large stays free for others. How large buffers are is compared where every dimension is
 * `USUAL_SIZE`, so that the assignment is the same for every batch.
 */

import { evaluateSize } from "../../ir/kernel/interpret-launch.ts";
import { ELEMENT_BYTES } from "../../ir/kernel/limits.ts";
import type { ArenaBuffer, Launch } from "../../ir/plan.ts";

const USUAL_SIZE = 256n;

interface LiveRange {
  readonly first: number;
  readonly last: number;
}

interface ShareClass {
  /** The last launch that uses it so far. */
  busyUntil: number;
  /** Of its largest buffer so far, at `USUAL_SIZE`. */
  bytes: bigint;
}

export function shareArena(
  dims: readonly string[],
  buffers: readonly Omit<ArenaBuffer, "shareClass">[],
  launches: readonly Launch[],
): readonly ArenaBuffer[] {
  const usual = { dims: Object.fromEntries(dims.map((name) => [name, USUAL_SIZE])), scalars: {} };
  const ranges = liveRanges(launches);
  const rangeOf = (name: string): LiveRange => ranges.get(name) ?? { first: -1, last: launches.length };
  const inOrder = [...buffers].sort((a, b) => rangeOf(a.name).first - rangeOf(b.name).first);
  const classes: ShareClass[] = [];
  return inOrder.map((buffer) => {
    const { first, last } = rangeOf(buffer.name);
    const bytes = buffer.shape.reduce<bigint>(
      (product, extent) => product * evaluateSize(extent, usual),
      ELEMENT_BYTES[buffer.element],
    );
    const nearest = classes
      .filter((one) => one.busyUntil < first && one.bytes <= 2n * bytes)
      .sort((a, b) => distance(a.bytes, bytes) - distance(b.bytes, bytes))[0];
    const chosen = nearest ?? addedTo(classes);
    chosen.busyUntil = last;
    if (chosen.bytes < bytes) chosen.bytes = bytes;
    return { ...buffer, shareClass: classes.indexOf(chosen) };
  });
}

const distance = (a: bigint, b: bigint): number => Math.abs(Number(a - b));

function addedTo(classes: ShareClass[]): ShareClass {
  const added = { busyUntil: -1, bytes: 0n };
  classes.push(added);
  return added;
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
