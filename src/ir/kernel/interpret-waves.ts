/**
 * Performance contracts in the interpreter: what the threads of a wave access in one instruction.
 *
 * An instruction is an access in one iteration of all loops around it. Of each the threads' addresses are kept, and each new
 * one is compared with those of the wave's other threads. A wave is 32 consecutive threads of a block, x fastest.
 */

import type { RunArray } from "./interpret-arrays.ts";
import { type FaultSite, formatTriple, type Machine, report, threadIndex } from "./interpret-machine.ts";
import { ELEMENT_BYTES } from "./limits.ts";
import { elementText, indexOf } from "./memory.ts";

const WAVE = 32;
const BANKS = 32;
const BANK_BYTES = 4;

interface Instruction {
  readonly wave: number;
  readonly threads: Map<number, number>;
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
  const named = shared ? performance.conflictFree : performance.coalesced;
  if (!named.includes(array.name)) return undefined;
  const lanes = "lanes" in site ? Number(site.lanes) : 1;
  const instructions = new Map<string, Instruction>();
  let block = -1;
  return (address) => {
    // After a skipped iteration, threads in one iteration are no longer told by how many they have run.
    if (machine.skipped) return;
    if (block !== machine.blockOrdinal) {
      instructions.clear();
      block = machine.blockOrdinal;
    }
    const wave = Math.floor(machine.thread / WAVE);
    const key = `${wave} ${machine.turns.join(" ")}`;
    const instruction = instructions.get(key) ?? { wave, threads: new Map<number, number>() };
    instructions.set(key, instruction);
    for (const [thread, other] of instruction.threads) {
      const fault = shared
        ? conflict(array, address, other)
        : scatter(array, address, other, lanes * Math.abs(machine.thread - thread));
      if (thread === machine.thread || fault === undefined) continue;
      const otherThread = threadIndex(machine, thread);
      const message = (): string => {
        const [own, its] = [address, other].map((at) => elementText(array.name, indexOf(array.shape, at)));
        return `${verb} ${own} while thread ${formatTriple(otherThread)} of its wave is at ${its}, ${fault}`;
      };
      const otherBlock = [machine.bx, machine.by, machine.bz] as const;
      report(machine, shared ? "conflict" : "scattered", site, message, { array: array.name, otherBlock, otherThread });
    }
    // Of a vector access the first element stands for all.
    if (!instruction.threads.has(machine.thread)) instruction.threads.set(machine.thread, address);
  };
}

function conflict({ element }: RunArray, address: number, other: number): string | undefined {
  const word = (at: number): number => Math.floor((at * Number(ELEMENT_BYTES[element])) / BANK_BYTES);
  if (word(address) === word(other) || (word(address) - word(other)) % BANKS !== 0) return undefined;
  return `another word of bank ${word(address) % BANKS}`;
}

function scatter({ shape }: RunArray, address: number, other: number, room: number): string | undefined {
  const columns = shape.at(-1) ?? 1;
  if (Math.floor(address / columns) !== Math.floor(other / columns)) return "in another row";
  return Math.abs(address - other) <= room ? undefined : `more than ${room} elements away`;
}
