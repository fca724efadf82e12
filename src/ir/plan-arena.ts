/**
 * The layout of a plan's arena: plan + sizes of its dims → where each sharing class starts, and how large it is.
 *
 * It is the layout that the emitted `<plan>_arena` computes at launch: classes in ascending order of their number, each
 * as large as its largest buffer and rounded up to `ARENA_ALIGNMENT`. Here it is exact, where that one is checked 64 bits.
 */

import { evaluateSize } from "./kernel/interpret.ts";
import { ELEMENT_BYTES } from "./kernel/limits.ts";
import { ARENA_ALIGNMENT, type ArenaBuffer, type Plan } from "./plan.ts";

export interface ArenaLayout {
  readonly classes: readonly ArenaClass[];
  /** Where the last class ends. */
  readonly bytes: bigint;
}

export interface ArenaClass {
  /** In bytes from the arena's start. */
  readonly offset: bigint;
  /** A multiple of `ARENA_ALIGNMENT`. */
  readonly bytes: bigint;
  readonly buffers: readonly { readonly name: string; readonly bytes: bigint }[];
}

/** The buffers of each sharing class, in the order in which the classes lie in the arena. */
export function arenaClasses(plan: Plan): readonly (readonly ArenaBuffer[])[] {
  const classes = new Map<number, ArenaBuffer[]>();
  for (const buffer of [...plan.buffers].sort((a, b) => a.shareClass - b.shareClass)) {
    classes.set(buffer.shareClass, [...(classes.get(buffer.shareClass) ?? []), buffer]);
  }
  return [...classes.values()];
}

/** `dims` has a size ≥ 0 for each of the plan's dims. */
export function arenaLayout(plan: Plan, dims: Readonly<Record<string, bigint>>): ArenaLayout {
  let end = 0n;
  const classes = arenaClasses(plan).map((members): ArenaClass => {
    const buffers = members.map(({ name, element, shape }) => {
      const elements = shape.reduce((product, extent) => product * evaluateSize(extent, { dims, scalars: {} }), 1n);
      return { name, bytes: elements * ELEMENT_BYTES[element] };
    });
    let largest = 0n;
    for (const buffer of buffers) if (buffer.bytes > largest) largest = buffer.bytes;
    const bytes = ((largest + ARENA_ALIGNMENT - 1n) / ARENA_ALIGNMENT) * ARENA_ALIGNMENT;
    const offset = end;
    end += bytes;
    return { offset, bytes, buffers };
  });
  return { classes, bytes: end };
}
