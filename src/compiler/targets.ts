/**
 * What each GPU architecture has: registers, waves, LDS, and the rates that bound a loop. Data with its sources, and the
 * formulas over it.
 *
 * Sources. [L] LLVM 19, lib/Target/AMDGPU/Utils/AMDGPUBaseInfo.cpp: register files, granules, waves, SIMDs per CU. [I] AMD's
 * ISA documents: "RDNA 2", "RDNA 3", "RDNA 4", "MI200", "MI300" Instruction Set Architecture, the chapters on LDS (banks,
 * bytes per clock) and on wave state. [M] AMD GPUOpen, "How to accelerate AI applications on RDNA 3 using WMMA", and the CDNA 2
 * and CDNA 3 white papers: matrix operations per clock. [P] AMD's product pages: compute units, clock, memory.
 */

import { LDS_BANKS } from "../ir/kernel/lds.ts";

/** A product with the architecture, whose peaks stand for it. */
export interface Product {
  readonly name: string;
  readonly computeUnits: number;
  /** Boost or peak engine clock, in Hz. */
  readonly clock: number;
  /** Bytes per second. */
  readonly memoryBandwidth: number;
}

export interface Target {
  readonly architecture: string;
  readonly waveSize: 32 | 64;
  /** SIMDs that a block's waves are spread over: of a CU, or of a work-group processor (two CUs) on RDNA. */
  readonly simds: number;
  readonly maxWavesPerSimd: number;
  /** Vector registers per lane that the waves of a SIMD share, and in which steps they are given out. */
  readonly vgprs: number;
  readonly vgprGranule: number;
  /** What one wave may have. */
  readonly maxVgprs: number;
  /** LDS that the blocks of a CU or work-group processor share, in bytes, in which steps, and the most of a block. */
  readonly ldsBytes: number;
  readonly ldsGranule: number;
  readonly maxLdsPerBlock: number;
  /** Banks of 4 bytes. */
  readonly ldsBanks: number;
  /** Bytes of LDS per clock and SIMD. */
  readonly ldsBytesPerClock: number;
  /** Clocks of a SIMD for a plain vector instruction of one wave, and for a transcendental one. */
  readonly vectorClocks: number;
  readonly transcendentalClocks: number;
  /** Whether one instruction may carry two operations (`v_dual_…`). */
  readonly dualIssue: boolean;
  /** Floating-point operations of matrix instructions per clock and SIMD, by the type of their inputs; none without. */
  readonly matrixFlops: Readonly<Partial<Record<"f16" | "bf16" | "f32", number>>>;
  readonly product: Product;
}

const RDNA = {
  waveSize: 32,
  simds: 4,
  maxWavesPerSimd: 16,
  maxVgprs: 256,
  ldsBytes: 128 * 1024,
  ldsGranule: 512,
  maxLdsPerBlock: 64 * 1024,
  ldsBanks: LDS_BANKS,
  ldsBytesPerClock: 64,
  vectorClocks: 1,
  transcendentalClocks: 4,
} as const;

const CDNA = {
  waveSize: 64,
  simds: 4,
  maxWavesPerSimd: 8,
  // Half of them are accumulation registers where a kernel asks for both kinds.
  vgprs: 512,
  vgprGranule: 8,
  maxVgprs: 512,
  ldsBytes: 64 * 1024,
  ldsGranule: 512,
  maxLdsPerBlock: 64 * 1024,
  ldsBanks: LDS_BANKS,
  ldsBytesPerClock: 32,
  vectorClocks: 4,
  transcendentalClocks: 16,
  dualIssue: false,
} as const;

const RDNA3 = { ...RDNA, vgprs: 1536, vgprGranule: 24, dualIssue: true, matrixFlops: { f16: 256, bf16: 256 } } as const;
const RDNA4 = { ...RDNA3, matrixFlops: { f16: 512, bf16: 512 } } as const;

export const TARGETS: readonly Target[] = [
  {
    ...CDNA,
    architecture: "gfx90a",
    matrixFlops: { f16: 256, bf16: 256, f32: 64 },
    // One of its two dies.
    product: { name: "Instinct MI250X, one die", computeUnits: 110, clock: 1.7e9, memoryBandwidth: 1.6384e12 },
  },
  {
    ...CDNA,
    architecture: "gfx942",
    matrixFlops: { f16: 512, bf16: 512, f32: 64 },
    product: { name: "Instinct MI300X", computeUnits: 304, clock: 2.1e9, memoryBandwidth: 5.3e12 },
  },
  {
    ...RDNA,
    architecture: "gfx1030",
    vgprs: 1024,
    vgprGranule: 16,
    dualIssue: false,
    matrixFlops: {},
    product: { name: "Radeon RX 6800 XT", computeUnits: 72, clock: 2.25e9, memoryBandwidth: 5.12e11 },
  },
  {
    ...RDNA3,
    architecture: "gfx1100",
    product: { name: "Radeon RX 7900 XTX", computeUnits: 96, clock: 2.5e9, memoryBandwidth: 9.6e11 },
  },
  {
    ...RDNA3,
    architecture: "gfx1101",
    product: { name: "Radeon RX 7800 XT", computeUnits: 60, clock: 2.43e9, memoryBandwidth: 6.24e11 },
  },
  {
    ...RDNA4,
    architecture: "gfx1200",
    product: { name: "Radeon RX 9060 XT", computeUnits: 32, clock: 3.13e9, memoryBandwidth: 3.2e11 },
  },
  {
    ...RDNA4,
    architecture: "gfx1201",
    product: { name: "Radeon RX 9070 XT", computeUnits: 64, clock: 2.97e9, memoryBandwidth: 6.4e11 },
  },
];

export function targetOf(architecture: string): Target | undefined {
  return TARGETS.find((target) => target.architecture === architecture);
}

/** SIMDs of a compute unit: a work-group processor of RDNA has two units. */
export function simdsPerUnit({ waveSize, simds }: Target): number {
  return waveSize === 32 ? simds / 2 : simds;
}

/** What decides how many waves a SIMD can hold. */
export interface Residency {
  readonly vgprs: number;
  readonly agprs: number;
  readonly ldsBytes: number;
  /** Of a block. */
  readonly threads: number;
}

export interface Occupancy {
  /** Waves per SIMD. */
  readonly waves: number;
  readonly limit: "waves" | "VGPRs" | "LDS" | "block";
}

/**
 * Waves per SIMD: the largest number of whole blocks for which there are wave slots, registers and LDS, in waves over
 * SIMDs. `block`: a block's waves do not divide what there is room for.
 */
export function occupancyOf(target: Target, { vgprs, agprs, ldsBytes, threads }: Residency): Occupancy {
  const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;
  // Where there are accumulation registers they follow the others in one file, from a multiple of 4 on.
  const registers = agprs === 0 ? vgprs : roundUp(vgprs, 4) + agprs;
  const byRegisters = Math.floor(target.vgprs / Math.max(target.vgprGranule, roundUp(registers, target.vgprGranule)));
  const perSimd = Math.min(target.maxWavesPerSimd, byRegisters);
  const wavesOfBlock = Math.max(1, Math.ceil(threads / target.waveSize));
  const byWaves = Math.floor((perSimd * target.simds) / wavesOfBlock);
  const byLds = ldsBytes === 0 ? byWaves : Math.floor(target.ldsBytes / roundUp(ldsBytes, target.ldsGranule));
  const blocks = Math.min(byWaves, byLds);
  const waves = (blocks * wavesOfBlock) / target.simds;
  if (byLds < byWaves) return { waves, limit: "LDS" };
  if (waves < perSimd) return { waves, limit: "block" };
  return { waves, limit: perSimd < target.maxWavesPerSimd ? "VGPRs" : "waves" };
}
