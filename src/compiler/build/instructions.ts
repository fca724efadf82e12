/** What one machine instruction is and costs: mnemonics in, kinds, operations, bytes and clocks out. */

import type { MatrixType, Target } from "../targets.ts";
import type { Instruction } from "./disassembly.ts";

/** How many instructions of each kind. */
export interface Mix {
  readonly matrix: number;
  readonly vector: number;
  readonly memory: number;
  readonly lds: number;
  readonly scalar: number;
  readonly waits: number;
}

export type Kind = keyof Mix;

export function kindOf(mnemonic: string): Kind {
  if (/^v_s?(wmma|swmmac|mfma|smfmac)_/.test(mnemonic)) return "matrix";
  if (mnemonic.startsWith("ds_")) return "lds";
  if (/^(global|buffer|flat|scratch)_(load|store|atomic)/.test(mnemonic)) return "memory";
  if (mnemonic.startsWith("v_")) return "vector";
  return /^(s_(wait|nop|delay_alu|barrier|sleep)|buffer_|global_)/.test(mnemonic) ? "waits" : "scalar";
}

/** `v_wmma_f32_16x16x16_f16`, `v_mfma_f32_32x32x8f16`, `v_mfma_f32_4x4x4_16b_f16`: M·N·K, twice, for each of its blocks. */
export function matrixWork(mnemonic: string): { readonly operations: number; readonly type: MatrixType } {
  const [, m = "0", n = "0", k = "0"] = /_(\d+)x(\d+)x(\d+)/.exec(mnemonic) ?? [];
  const blocks = Number(/_(\d+)b_/.exec(mnemonic)?.[1] ?? 1);
  const [, last = ""] = /(bf16|f16|f32)(?:_1k)?(?:_e\d+)?$/.exec(mnemonic) ?? [];
  return {
    operations: 2 * Number(m) * Number(n) * Number(k) * blocks,
    type: last === "bf16" ? "bf16" : last === "f32" ? "f32" : "f16",
  };
}

/** Floating-point operations of one lane; the two halves of `v_dual_…` each count. */
export function vectorFlops({ mnemonic, operands }: Instruction): number {
  return [mnemonic, ...(/:: (\w+)/.exec(operands)?.slice(1) ?? [])].reduce((sum, name) => {
    const match =
      /^v_(?:dual_)?(pk_)?(fma|fmac|fmaak|fmamk|mad|mac|add|sub|subrev|mul|max|min)_(?:num_)?(?:mix_)?f\d+/.exec(name);
    if (match === null) return sum;
    return sum + (/^(fma|mad|mac)/.test(match[2] ?? "") ? 2 : 1) * (match[1] === undefined ? 1 : 2);
  }, 0);
}

/** Clocks of the SIMD that a vector instruction of one wave takes. */
export function vectorClocks(mnemonic: string, target: Target): number {
  const isSlow = /^v_(exp|log|rcp|rsq|sqrt|sin|cos)_/.test(mnemonic);
  return isSlow ? target.transcendentalClocks : target.vectorClocks;
}

/** Bytes per lane: `ds_load_2addr_b32`, `ds_read_b128`, `global_load_dwordx4`, `global_load_d16_b16`. */
export function bytesOf(mnemonic: string): number {
  const pair = /2(addr|st64)?_|(read|write)2/.test(mnemonic) ? 2 : 1;
  const [, bits] = /_[biuf](\d+)(?:_\w+)?$/.exec(mnemonic) ?? [];
  if (bits !== undefined) return (pair * Number(bits)) / 8;
  const [, words] = /dwordx?(\d)?/.exec(mnemonic) ?? [];
  if (/dword/.test(mnemonic)) return 4 * Number(words ?? 1);
  return /short/.test(mnemonic) ? 2 : /byte/.test(mnemonic) ? 1 : 0;
}
