/**
 * One wave by itself: instructions in, the clocks that it takes them out, with nothing else on its SIMD.
 *
 * The wave issues in order, one instruction per turn. Vector and matrix instructions, LDS and memory are each a pipe that takes one
 * at a time at the SIMD's rates (docs/targets.md); a load's value is there when its pipe has passed it and the latency is over. What
 * waits is `s_waitcnt` and its like: until no more than so many loads of its counter are under way. Each kind of load arrives in order.
 */

import type { Target } from "../targets.ts";
import type { Instruction } from "./disassembly.ts";
import { bytesOf, kindOf, matrixWork, vectorClocks } from "./instructions.ts";
import { memoryRate } from "./rates.ts";

export interface Alone {
  readonly clocks: number;
  /** Of them, those in which it waits for memory. */
  readonly memoryStalls: number;
}

type Counter = "memory" | "lds" | "scalar";

interface Wave {
  clock: number;
  memoryStalls: number;
  /** When each pipe is free again. */
  readonly free: { matrix: number; vector: number; lds: number; memory: number };
  /** When what is under way arrives. */
  readonly pending: Readonly<Record<Counter, number[]>>;
}

/** Once through the instructions, in the order of their addresses. */
export function aloneOnce(instructions: readonly Instruction[], target: Target): Alone {
  const wave = newWave();
  for (const instruction of instructions) step(wave, instruction, target);
  return { clocks: wave.clock, memoryStalls: wave.memoryStalls };
}

/** One iteration of a loop that has been running for a while: its loads may be waited for in the next one. */
export function aloneRepeated(body: readonly Instruction[], target: Target): Alone {
  const wave = newWave();
  let before = { clock: 0, memoryStalls: 0 };
  for (let iteration = 0; iteration < WARM_ITERATIONS + 1; iteration++) {
    before = { clock: wave.clock, memoryStalls: wave.memoryStalls };
    for (const instruction of body) step(wave, instruction, target);
  }
  return { clocks: wave.clock - before.clock, memoryStalls: wave.memoryStalls - before.memoryStalls };
}

/** After these, what the first iterations find under way no longer matters. */
const WARM_ITERATIONS = 3;

function newWave(): Wave {
  return {
    clock: 0,
    memoryStalls: 0,
    free: { matrix: 0, vector: 0, lds: 0, memory: 0 },
    pending: { memory: [], lds: [], scalar: [] },
  };
}

function step(wave: Wave, { mnemonic, operands }: Instruction, target: Target): void {
  const { free, pending } = wave;
  // A SIMD of CDNA has its turn to issue in every fourth clock, one of RDNA in each.
  const turn = target.vectorClocks;
  const kind = kindOf(mnemonic);
  switch (kind) {
    case "matrix": {
      const { operations, type } = matrixWork(mnemonic);
      const isBeside = target.besideVector.includes(type);
      const start = Math.max(wave.clock, free.matrix, isBeside ? 0 : free.vector);
      free.matrix = start + operations / (target.matrixFlops[type] ?? Number.NaN);
      if (!isBeside) free.vector = free.matrix;
      wave.clock = start + turn;
      return;
    }
    case "vector": {
      const start = Math.max(wave.clock, free.vector);
      free.vector = start + vectorClocks(mnemonic, target);
      wave.clock = start + turn;
      return;
    }
    case "lds": {
      free.lds = Math.max(wave.clock, free.lds) + (bytesOf(mnemonic) * target.waveSize) / target.ldsBytesPerClock;
      pending.lds.push(free.lds + target.ldsLatency);
      wave.clock += turn;
      return;
    }
    case "memory": {
      free.memory = Math.max(wave.clock, free.memory) + (bytesOf(mnemonic) * target.waveSize) / memoryRate(target);
      // Nobody waits for a store, but on CDNA it has its place in the order of loads.
      if (mnemonic.includes("_load")) pending.memory.push(free.memory + target.memoryLatency);
      else if (target.waveSize === 64) pending.memory.push(free.memory);
      wave.clock += turn;
      return;
    }
    case "scalar":
      if (/^s_(buffer_)?load/.test(mnemonic)) pending.scalar.push(wave.clock + target.ldsLatency);
      wave.clock += turn;
      return;
    case "waits":
      for (const [counter, most] of awaited(mnemonic, operands)) wait(wave, counter, most);
      wave.clock += turn;
      return;
    default:
      kind satisfies never;
  }
}

function wait(wave: Wave, counter: Counter, most: number): void {
  const arriving = wave.pending[counter];
  // Scalar loads arrive in any order: none has, before all have.
  const taken = counter === "scalar" && most > 0 ? [] : arriving.splice(0, Math.max(0, arriving.length - most));
  const until = Math.max(wave.clock, ...taken);
  if (counter === "memory") wave.memoryStalls += until - wave.clock;
  wave.clock = until;
}

/** `s_waitcnt vmcnt(0) lgkmcnt(2)`; `s_wait_loadcnt 0x0`, `s_wait_loadcnt_dscnt 0x100`, as RDNA 4 has them. */
function awaited(mnemonic: string, operands: string): readonly (readonly [Counter, number])[] {
  if (mnemonic === "s_waitcnt") {
    const count = (name: string): number | undefined => {
      const match = new RegExp(`(?:^|\\W)${name}\\((\\d+)\\)`).exec(operands);
      return match === null ? undefined : Number(match[1]);
    };
    const [memory, lds] = [count("vmcnt"), count("lgkmcnt")];
    return [
      ...(memory === undefined ? [] : [["memory", memory] as const]),
      ...(lds === undefined ? [] : [["lds", lds] as const, ["scalar", lds] as const]),
    ];
  }
  const value = Number(operands);
  if (mnemonic === "s_wait_loadcnt") return [["memory", value]];
  if (mnemonic === "s_wait_dscnt") return [["lds", value]];
  if (mnemonic === "s_wait_kmcnt") return [["scalar", value]];
  // Both in one number: six bits of each, eight apart.
  if (mnemonic === "s_wait_loadcnt_dscnt") return [["memory", value >> 8] as const, ["lds", value & 0x3f] as const];
  return [];
}
