/** Faults of two threads at one element of an array: a race, and a second writer of an output. */

import type { RunArray } from "./interpret-arrays.ts";
import { type Fault, type FaultSite, formatTriple, type Machine, report, whoIs } from "./interpret-machine.ts";
import { type Conflict, type Shadow, writerOf } from "./interpret-shadow.ts";
import { elementText, indexOf } from "./memory.ts";

/** An element of an output belongs to one thread, which alone may write it again. */
export function noteSecondWriter(
  machine: Machine,
  array: RunArray,
  shadow: Shadow,
  address: number,
  site: FaultSite,
): void {
  const first = writerOf(shadow, address);
  if (first === 0 || first === machine.agent) return;
  const { block, thread } = whoIs(machine, first);
  const index = indexOf(array.shape, address);
  const sameBlock = first >= machine.firstAgent;
  const message = (): string => {
    const own = `thread ${formatTriple([machine.tx, machine.ty, machine.tz])}`;
    const other = `thread ${formatTriple(thread)}${sameBlock ? "" : ` of block ${formatTriple(block)}`}`;
    return `writes ${elementText(array.name, index)} from ${own} after ${other} has written it`;
  };
  const variant = sameBlock ? "block" : "launch";
  report(machine, "twice", site, message, {
    array: array.name,
    index,
    otherBlock: block,
    otherThread: thread,
    variant,
  });
}

/** Two accesses to one element that nothing orders. */
export function reportRace(
  machine: Machine,
  array: RunArray,
  address: number,
  verb: Conflict["deed"],
  conflict: Conflict,
  site: FaultSite,
): void {
  const { block, thread } = whoIs(machine, conflict.agent);
  const sameBlock = conflict.agent >= machine.firstAgent;
  const other: Pick<Fault, "otherBlock" | "otherThread"> = { otherBlock: block, otherThread: thread };
  const message = (): string => {
    const element = elementText(array.name, indexOf(array.shape, address));
    const { deed } = conflict;
    if (sameBlock) return `${verb} ${element}, which thread ${formatTriple(thread)} ${deed} with no barrier between`;
    return `${verb} ${element}, which a thread of block ${formatTriple(block)} ${deed} in the same launch`;
  };
  const variant = sameBlock ? "block" : "launch";
  report(machine, "race", site, message, { array: array.name, ...other, variant });
}
