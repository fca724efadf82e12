/**
 * The hottest loop of a kernel's machine code: what it is made of, and what bounds it.
 *
 * The hottest loop is the innermost one, and the longest of equals. The model (docs/targets.md) gives each kind of work the
 * clocks of a SIMD that one iteration of one wave takes of it, as if the others cost nothing; the largest is the bound:
 *
 *   arithmetic = vector instructions · their clocks + matrix operations / the target's rate
 *   LDS        = bytes / bytes per clock
 *   memory     = bytes / (bandwidth / SIMDs / clock)
 *
 * On CDNA matrix and vector instructions run side by side, so that arithmetic is the larger of the two. Branches are taken
 * as if both sides ran. `memory` counts every byte that the loop asks for, as if no cache held it.
 */

import { simdsPerUnit, type Target } from "../targets.ts";
import type { Instruction } from "./disassembly.ts";
import { findLoops } from "./loops.ts";

export interface HotLoop {
  readonly depth: number;
  /** Instructions of each kind. */
  readonly mix: Mix;
  /** Floating-point operations of one wave, bytes of LDS and of memory that it asks for. */
  readonly flops: number;
  readonly ldsBytes: number;
  readonly memoryBytes: number;
  /** Clocks of a SIMD for one iteration of one wave. */
  readonly clocks: { readonly arithmetic: number; readonly lds: number; readonly memory: number };
  readonly bound: "matrix" | "vector" | "LDS" | "memory";
  /** Of the SIMD's peak, by matrix instructions where the loop has some. */
  readonly share: number;
}

export interface Mix {
  readonly matrix: number;
  readonly vector: number;
  readonly memory: number;
  readonly lds: number;
  readonly scalar: number;
  readonly waits: number;
}

type Kind = keyof Mix;

/** `undefined` for code without a loop. */
export function hotLoop(instructions: readonly Instruction[], target: Target): HotLoop | undefined {
  const [loop] = findLoops(instructions).toSorted(
    (a, b) => b.depth - a.depth || b.instructions.length - a.instructions.length,
  );
  if (loop === undefined) return undefined;
  const mix: Record<Kind, number> = { matrix: 0, vector: 0, memory: 0, lds: 0, scalar: 0, waits: 0 };
  let [flops, matrixClocks, vectorClocks, ldsBytes, memoryBytes] = [0, 0, 0, 0, 0];
  let matrixRate = 0;
  for (const instruction of loop.instructions) {
    const kind = kindOf(instruction.mnemonic);
    mix[kind]++;
    if (kind === "matrix") {
      const { operations, type } = matrixWork(instruction.mnemonic);
      const rate = target.matrixFlops[type] ?? Number.NaN;
      flops += operations;
      matrixClocks += operations / rate;
      matrixRate = Math.max(matrixRate, rate);
    } else if (kind === "vector") {
      flops += vectorFlops(instruction) * target.waveSize;
      const slow = /^v_(exp|log|rcp|rsq|sqrt|sin|cos)_/.test(instruction.mnemonic);
      vectorClocks += slow ? target.transcendentalClocks : target.vectorClocks;
    } else if (kind === "lds") ldsBytes += bytesOf(instruction.mnemonic) * target.waveSize;
    else if (kind === "memory") memoryBytes += bytesOf(instruction.mnemonic) * target.waveSize;
  }
  const { product } = target;
  const bandwidth = product.memoryBandwidth / (product.computeUnits * simdsPerUnit(target) * product.clock);
  const clocks = {
    arithmetic: target.waveSize === 64 ? Math.max(matrixClocks, vectorClocks) : matrixClocks + vectorClocks,
    lds: ldsBytes / target.ldsBytesPerClock,
    memory: memoryBytes / bandwidth,
  };
  const most = Math.max(clocks.arithmetic, clocks.lds, clocks.memory);
  const bound =
    most === clocks.arithmetic
      ? matrixClocks > vectorClocks
        ? "matrix"
        : "vector"
      : most === clocks.lds
        ? "LDS"
        : "memory";
  const peak = matrixRate > 0 ? matrixRate : vectorPeak(target);
  const share = most === 0 ? 0 : flops / (most * peak);
  return { depth: loop.depth, mix, flops, ldsBytes, memoryBytes, clocks, bound, share };
}

/** Operations of vector instructions per clock and SIMD: a multiplication and an addition per lane, twice where two are issued. */
export function vectorPeak({ waveSize, vectorClocks, dualIssue }: Target): number {
  return ((2 * waveSize) / vectorClocks) * (dualIssue ? 2 : 1);
}

function kindOf(mnemonic: string): Kind {
  if (/^v_s?(wmma|swmmac|mfma|smfmac)_/.test(mnemonic)) return "matrix";
  if (mnemonic.startsWith("ds_")) return "lds";
  if (/^(global|buffer|flat|scratch)_(load|store|atomic)/.test(mnemonic)) return "memory";
  if (mnemonic.startsWith("v_")) return "vector";
  return /^(s_(wait|nop|delay_alu|barrier|sleep)|buffer_|global_)/.test(mnemonic) ? "waits" : "scalar";
}

/** `v_wmma_f32_16x16x16_f16`, `v_mfma_f32_32x32x8f16`, `v_mfma_f32_4x4x4_16b_f16`: M·N·K, twice, for each of its blocks. */
function matrixWork(mnemonic: string): { readonly operations: number; readonly type: "f16" | "bf16" | "f32" } {
  const [, m = "0", n = "0", k = "0"] = /_(\d+)x(\d+)x(\d+)/.exec(mnemonic) ?? [];
  const blocks = Number(/_(\d+)b_/.exec(mnemonic)?.[1] ?? 1);
  const [, last = ""] = /(bf16|f16|f32)(?:_1k)?(?:_e\d+)?$/.exec(mnemonic) ?? [];
  return {
    operations: 2 * Number(m) * Number(n) * Number(k) * blocks,
    type: last === "bf16" ? "bf16" : last === "f32" ? "f32" : "f16",
  };
}

/** Of one lane; the two halves of `v_dual_…` each count. */
function vectorFlops({ mnemonic, operands }: Instruction): number {
  return [mnemonic, ...(/:: (\w+)/.exec(operands)?.slice(1) ?? [])].reduce((sum, name) => {
    const match =
      /^v_(?:dual_)?(pk_)?(fma|fmac|fmaak|fmamk|mad|mac|add|sub|subrev|mul|max|min)_(?:num_)?(?:mix_)?f\d+/.exec(name);
    if (match === null) return sum;
    return sum + (/^(fma|mad|mac)/.test(match[2] ?? "") ? 2 : 1) * (match[1] === undefined ? 1 : 2);
  }, 0);
}

/** Bytes per lane: `ds_load_2addr_b32`, `ds_read_b128`, `global_load_dwordx4`, `global_load_d16_b16`. */
function bytesOf(mnemonic: string): number {
  const pair = /2(addr|st64)?_|(read|write)2/.test(mnemonic) ? 2 : 1;
  const [, bits] = /_[biuf](\d+)(?:_\w+)?$/.exec(mnemonic) ?? [];
  if (bits !== undefined) return (pair * Number(bits)) / 8;
  const [, words] = /dwordx?(\d)?/.exec(mnemonic) ?? [];
  if (/dword/.test(mnemonic)) return 4 * Number(words ?? 1);
  return /short/.test(mnemonic) ? 2 : /byte/.test(mnemonic) ? 1 : 0;
}
