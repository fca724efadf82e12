/**
 * The hottest loop of a kernel's machine code: what it is made of, how fast waves go through it, and what bounds them.
 *
 * It is the loop with most matrix operations, of equals the one with most vector operations, then the innermost, then the longest;
 * what belongs to a loop inside another counts for the inner one. The model (docs/targets.md) gives each kind of work the clocks of
 * a SIMD that one iteration of one wave takes of it, as if the others cost nothing:
 *
 *   arithmetic = vector instructions · their clocks + matrix operations / the target's rate
 *   LDS        = bytes / bytes per clock
 *   memory     = bytes / the SIMD's share of the L2's bytes per clock
 *
 * Where vector instructions run beside matrix instructions, arithmetic is the larger of the two. The largest of the three is how
 * long the SIMD is busy; waves that wait for each other or for loads may need longer (`paceOf`): then the bound is latency.
 */

import type { Occupancy, Target } from "../targets.ts";
import type { Instruction } from "./disassembly.ts";
import { bytesOf, type Kind, kindOf, type Mix, matrixWork, vectorClocks, vectorFlops } from "./instructions.ts";
import { findLoops, type Loop } from "./loops.ts";
import { memoryRate, vectorPeak } from "./rates.ts";
import { type Alone, aloneOnce, aloneRepeated } from "./timeline.ts";

/** What one wave does in a stretch of code. */
export interface Work {
  /** Instructions of each kind. */
  readonly mix: Mix;
  /** Floating-point operations of one wave, bytes of LDS and of memory that it asks for. */
  readonly flops: number;
  readonly ldsBytes: number;
  readonly memoryBytes: number;
  /** Clocks of a SIMD, each as if the others cost nothing. */
  readonly clocks: Clocks;
  /** Of a wave with nothing else on its SIMD. */
  readonly alone: Alone;
  /** Whether the waves of a block wait for each other. */
  readonly barrier: boolean;
  /** Operations per clock and SIMD that would be the peak: of matrix instructions where there are any. */
  readonly peak: number;
}

export interface Clocks {
  readonly matrix: number;
  readonly vector: number;
  /** Of both together. */
  readonly arithmetic: number;
  readonly lds: number;
  readonly memory: number;
}

export type Bound = "matrix" | "vector" | "LDS" | "memory" | "latency";

/** One iteration of one wave. */
export interface HotLoop extends Work {
  readonly depth: number;
  readonly bound: Bound;
  /** Clocks of a SIMD, with as many waves as fit. */
  readonly pace: number;
  /** Of the SIMD's peak. */
  readonly share: number;
}

export interface CodeWork {
  /** Absent for code without a loop. */
  readonly loop?: HotLoop;
  /** Everything that is not in the loop, once. */
  readonly rest: Work;
}

export function codeWork(instructions: readonly Instruction[], target: Target, occupancy: Occupancy): CodeWork {
  const loop = hottestOf(findLoops(instructions), target);
  const inside = new Set(loop?.instructions);
  const rest = instructions.filter((one) => !inside.has(one) && !one.mnemonic.startsWith("s_code_end"));
  const outside = workOf(rest, target, aloneOnce(rest, target));
  if (loop === undefined) return { rest: outside };
  const work = workOf(loop.instructions, target, aloneRepeated(loop.instructions, target));
  const pace = paceOf(work, occupancy.blocks, occupancy.wavesOfBlock);
  const share = pace === 0 ? 0 : work.flops / (pace * work.peak);
  return { loop: { ...work, depth: loop.depth, bound: boundOf(work, pace), pace, share }, rest: outside };
}

/**
 * Clocks of a SIMD for each wave that passes, with so many blocks of so many waves per SIMD. No fewer than it is busy. Without
 * barriers any other wave fills the time in which one waits. With them the waves of a block wait for memory together, and only
 * other blocks fill that time.
 */
export function paceOf({ clocks, alone, barrier }: Work, blocks: number, wavesOfBlock: number): number {
  const busy = busyClocks(clocks);
  const waves = blocks * wavesOfBlock;
  if (!barrier) return Math.max(busy, alone.clocks / waves);
  const awake = Math.max(wavesOfBlock * busy, alone.clocks - alone.memoryStalls);
  return Math.max(busy, (awake + alone.memoryStalls) / waves);
}

function busyClocks({ arithmetic, lds, memory }: Clocks): number {
  return Math.max(arithmetic, lds, memory);
}

function hottestOf(loops: readonly Loop[], target: Target): Loop | undefined {
  const ranked = loops.map((loop) => ({ loop, ...operationsOf(loop.own, target) }));
  const [first] = ranked.toSorted(
    (a, b) =>
      b.matrix - a.matrix ||
      b.vector - a.vector ||
      b.loop.depth - a.loop.depth ||
      b.loop.instructions.length - a.loop.instructions.length,
  );
  return first?.loop;
}

function operationsOf(instructions: readonly Instruction[], target: Target): { matrix: number; vector: number } {
  let [matrix, vector] = [0, 0];
  for (const instruction of instructions) {
    const kind = kindOf(instruction.mnemonic);
    if (kind === "matrix") matrix += matrixWork(instruction.mnemonic).operations;
    else if (kind === "vector") vector += vectorFlops(instruction) * target.waveSize;
  }
  return { matrix, vector };
}

function workOf(instructions: readonly Instruction[], target: Target, alone: Alone): Work {
  const mix: Record<Kind, number> = { matrix: 0, vector: 0, memory: 0, lds: 0, scalar: 0, waits: 0 };
  let [ldsBytes, memoryBytes, vector, beside, apart, matrixRate] = [0, 0, 0, 0, 0, 0];
  for (const { mnemonic } of instructions) {
    const kind = kindOf(mnemonic);
    mix[kind]++;
    if (kind === "matrix") {
      const { operations, type } = matrixWork(mnemonic);
      const rate = target.matrixFlops[type] ?? Number.NaN;
      if (target.besideVector.includes(type)) beside += operations / rate;
      else apart += operations / rate;
      matrixRate = Math.max(matrixRate, rate);
    } else if (kind === "vector") vector += vectorClocks(mnemonic, target);
    else if (kind === "lds") ldsBytes += bytesOf(mnemonic) * target.waveSize;
    else if (kind === "memory") memoryBytes += bytesOf(mnemonic) * target.waveSize;
  }
  const operations = operationsOf(instructions, target);
  return {
    mix,
    flops: operations.matrix + operations.vector,
    ldsBytes,
    memoryBytes,
    clocks: {
      matrix: apart + beside,
      vector,
      arithmetic: apart + Math.max(beside, vector),
      lds: ldsBytes / target.ldsBytesPerClock,
      memory: memoryBytes / memoryRate(target),
    },
    alone,
    barrier: instructions.some(({ mnemonic }) => mnemonic.startsWith("s_barrier")),
    peak: matrixRate > 0 ? matrixRate : vectorPeak(target),
  };
}

function boundOf({ clocks }: Work, pace: number): Bound {
  const busy = busyClocks(clocks);
  if (pace > busy) return "latency";
  if (clocks.arithmetic === busy) return clocks.matrix > clocks.vector ? "matrix" : "vector";
  return clocks.lds === busy ? "LDS" : "memory";
}
