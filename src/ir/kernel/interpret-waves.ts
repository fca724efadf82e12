/**
 * Performance contracts in the interpreter: what the threads of a wave access in one instruction.
 *
 * An instruction is an access in one iteration of all loops around it. Of each the threads' addresses are kept, and each new
 * one is compared with those of the wave's other threads. A wave is 32 consecutive threads of a block, x fastest. What is found
 * is reported when the block has ended, with what all lanes have asked for.
 */

import type { RunArray } from "./interpret-arrays.ts";
import { type FaultSite, formatTriple, type Machine, report, threadIndex } from "./interpret-machine.ts";
import { conflictingBank, LDS_LANES, LDS_WORD_BYTES, type Place, type SharedAccess, waysOf } from "./lds.ts";
import { ELEMENT_BYTES, threadsOfSegment } from "./limits.ts";
import { elementText, indexOf } from "./memory.ts";
import type { Triple } from "./types.ts";

interface Instruction {
  /** Thread → address. */
  readonly threads: Map<number, number>;
  /** The first two threads that break the contract; the second is the one that ran later. */
  broken: readonly [first: number, second: number] | undefined;
}

/** Notes the running thread's access; a no-op for an array of which nothing is promised. */
export function compileNote(
  machine: Machine,
  array: RunArray,
  site: FaultSite,
  verb: string,
): ((address: number) => void) | undefined {
  const { performance } = machine;
  if (performance === undefined || array.place.space === "register") return undefined;
  const shared = array.place.space === "shared";
  const whole = !shared && performance.coalesced.includes(array.name);
  const segment = shared ? undefined : performance.segments.find(({ tensor }) => tensor === array.name);
  if (!whole && segment === undefined && !(shared && performance.conflictFree.includes(array.name))) return undefined;
  const lanes = "lanes" in site ? Number(site.lanes) : 1;
  // Threads that are compared with each other: those of a wave, or of a segment.
  const group =
    whole || segment === undefined ? LDS_LANES : Number(threadsOfSegment(segment.bytes, array.element, BigInt(lanes)));
  const access: SharedAccess = {
    element: array.element,
    lanes: BigInt(lanes),
    write: verb !== "reads",
    unit: machine.unit,
  };
  const breaks = (threads: Map<number, number>, first: number, second: number): boolean => {
    const [own, its] = [threads.get(second) ?? 0, threads.get(first) ?? 0];
    return shared
      ? bankOf(access, [second, own], [first, its]) !== undefined
      : scatter(array, own, its, lanes * (second - first)) !== undefined;
  };
  const instructions = new Map<string, Instruction>();
  let at: { readonly ordinal: number; readonly block: Triple<number> } | undefined;

  function tell(): void {
    for (const { broken, threads } of instructions.values()) {
      if (broken === undefined || at === undefined) continue;
      const [first, second] = broken;
      const [own, its] = [threads.get(second) ?? 0, threads.get(first) ?? 0];
      const [otherThread, thread] = [threadIndex(machine, first), threadIndex(machine, second)];
      const what = shared
        ? conflictText(access, [second, own], [first, its], [...threads])
        : scatter(array, own, its, lanes * (second - first));
      const message = (): string => {
        const [mine, others] = [own, its].map((address) => elementText(array.name, indexOf(array.shape, address)));
        return `${verb} ${mine} while thread ${formatTriple(otherThread)} of its wave is at ${others}, ${what}`;
      };
      const details = { array: array.name, block: at.block, thread, otherBlock: at.block, otherThread };
      report(machine, shared ? "conflict" : "scattered", site, message, details);
    }
    instructions.clear();
  }
  machine.atEnd.push(tell);

  return (address) => {
    // After a skipped iteration, threads in one iteration are no longer told by how many they have run.
    if (machine.skipped) return;
    if (at?.ordinal !== machine.blockOrdinal) {
      tell();
      at = { ordinal: machine.blockOrdinal, block: [machine.bx, machine.by, machine.bz] };
    }
    const key = `${Math.floor(machine.thread / group)} ${machine.turns.join(" ")}`;
    const instruction = instructions.get(key) ?? { threads: new Map<number, number>(), broken: undefined };
    instructions.set(key, instruction);
    const { threads } = instruction;
    // Of a vector access the first element stands for all.
    if (threads.has(machine.thread)) return;
    threads.set(machine.thread, address);
    if (instruction.broken !== undefined) return;
    const other = [...threads.keys()].find((one) => one !== machine.thread && breaks(threads, one, machine.thread));
    if (other !== undefined) instruction.broken = [other, machine.thread];
  };
}

/** A thread's lane, and the first word of its access; an access of several elements starts at a multiple of them. */
function placeOf({ element, lanes }: SharedAccess, [thread, address]: Place): Place {
  const start = address - (address % Number(lanes));
  return [thread % LDS_LANES, Math.floor((start * Number(ELEMENT_BYTES[element])) / LDS_WORD_BYTES)];
}

function bankOf(access: SharedAccess, own: Place, its: Place): number | undefined {
  return conflictingBank(access, placeOf(access, own), placeOf(access, its));
}

function conflictText(access: SharedAccess, own: Place, its: Place, all: readonly Place[]): string {
  const [mine, other] = [placeOf(access, own), placeOf(access, its)];
  const bank = conflictingBank(access, mine, other) ?? 0;
  const ways = waysOf(
    access,
    bank,
    [mine[0], other[0]],
    all.map((one) => placeOf(access, one)),
  );
  return `another word of bank ${bank} (lanes ${mine[0]} and ${other[0]}, ${ways} ways)`;
}

function scatter({ shape }: RunArray, address: number, other: number, room: number): string | undefined {
  const columns = shape.at(-1) ?? 1;
  if (Math.floor(address / columns) !== Math.floor(other / columns)) return "in another row";
  return Math.abs(address - other) <= Math.abs(room) ? undefined : `more than ${Math.abs(room)} elements away`;
}
