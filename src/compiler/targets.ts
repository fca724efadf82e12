/**
 * What each GPU architecture has: registers, waves, LDS, caches, and the rates and latencies that bound a loop. Data with its
 * sources, and the formulas over it.
 *
 * Sources, as of 29 November 2026. [L] LLVM 19, lib/Target/AMDGPU/Utils/AMDGPUBaseInfo.cpp: register files, granules, waves,
 * SIMDs per CU; its feature `packed-fp32-ops`. [S] LLVM, lib/Target/AMDGPU/SISchedule.td: latencies, in clocks for GFX10 and GFX11
 * and in quads of clocks before. [I] AMD's ISA documents: "RDNA 2", "RDNA 3", "RDNA 4", "MI200", "MI300" Instruction Set
 * Architecture, the chapters on LDS (banks of one dword per clock: 32 for the two SIMDs of a CU on RDNA, 32 for the four of one on
 * CDNA) and on wave state. [C] AMD's amd_matrix_instruction_calculator, commit 2ef9189: clocks of each matrix instruction, and
 * whether vector instructions run beside it. [M] AMD GPUOpen, "Using the Matrix Cores of AMD RDNA 4 architecture GPUs": 512 and
 * 1,024 operations per clock and CU on RDNA 3 and 4. [R] AMD's ROCm Compute Profiler, "L2 cache" and its tables of metrics: channels
 * of the L2 (32 of a CDNA 2 die, 16 of each of the eight of MI300X), and 128 bytes per request. [P] AMD's product pages and
 * ROCm's "AMD GPU specifications": compute units, clock, memory, sizes of caches.
 *
 * Assumed, for want of a public number: the L2 of RDNA has one channel of 128 bytes per clock for each 256 KiB, as that of CDNA
 * has; that of RDNA 4 gives 32 bytes per clock and CU, about what this makes for RDNA 3.
 */

import { LDS_BANKS } from "../ir/kernel/lds.ts";
import type { MatrixUnit } from "../ir/kernel/matrix.ts";

/** A product with the architecture, whose peaks stand for it. */
export interface Product {
  readonly name: string;
  readonly computeUnits: number;
  /** Boost or peak engine clock, in Hz. */
  readonly clock: number;
  /** Bytes per second. */
  readonly memoryBandwidth: number;
  /** What the L2 gives to all compute units together. */
  readonly l2BytesPerClock: number;
  /** Of the last cache before memory. */
  readonly cacheBytes: number;
}

/** The types of a matrix instruction's inputs. */
export type MatrixType = "f16" | "bf16" | "f32";

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
  /** Whether one instruction works on pairs of f32 (`v_pk_fma_f32`) in the time of one. */
  readonly packedF32: boolean;
  /** Clocks from a load to its value, where a cache beyond the compute unit has it, and where LDS or the scalar cache has. */
  readonly memoryLatency: number;
  readonly ldsLatency: number;
  /** Whose fragments its matrix instructions take. */
  readonly matrixUnit: MatrixUnit | undefined;
  /** Floating-point operations of matrix instructions per clock and SIMD, by the type of their inputs; none without. */
  readonly matrixFlops: Readonly<Partial<Record<MatrixType, number>>>;
  /** Beside which matrix instructions the SIMD runs vector instructions. */
  readonly besideVector: readonly MatrixType[];
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
  packedF32: false,
  memoryLatency: 320,
  ldsLatency: 20,
  matrixUnit: undefined,
  besideVector: [],
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
  packedF32: true,
  memoryLatency: 320,
  ldsLatency: 20,
  matrixUnit: "cdna",
} as const;

const MIB = 1024 * 1024;

const RDNA3 = {
  ...RDNA,
  vgprs: 1536,
  vgprGranule: 24,
  dualIssue: true,
  matrixUnit: "gfx11",
  matrixFlops: { f16: 256, bf16: 256 },
} as const;
const RDNA4 = { ...RDNA3, matrixUnit: "gfx12", matrixFlops: { f16: 512, bf16: 512 } } as const;

export const TARGETS: readonly Target[] = [
  {
    ...CDNA,
    architecture: "gfx90a",
    matrixFlops: { f16: 256, bf16: 256, f32: 64 },
    besideVector: ["f16", "bf16", "f32"],
    // One of its two dies.
    product: {
      name: "Instinct MI250X, one die",
      computeUnits: 110,
      clock: 1.7e9,
      memoryBandwidth: 1.6384e12,
      l2BytesPerClock: 4096,
      cacheBytes: 8 * MIB,
    },
  },
  {
    ...CDNA,
    architecture: "gfx942",
    matrixFlops: { f16: 512, bf16: 512, f32: 64 },
    besideVector: ["f16", "bf16"],
    product: {
      name: "Instinct MI300X",
      computeUnits: 304,
      clock: 2.1e9,
      memoryBandwidth: 5.3e12,
      l2BytesPerClock: 16384,
      cacheBytes: 256 * MIB,
    },
  },
  {
    ...RDNA,
    architecture: "gfx1030",
    vgprs: 1024,
    vgprGranule: 16,
    dualIssue: false,
    matrixFlops: {},
    product: {
      name: "Radeon RX 6800 XT",
      computeUnits: 72,
      clock: 2.25e9,
      memoryBandwidth: 5.12e11,
      l2BytesPerClock: 2048,
      cacheBytes: 128 * MIB,
    },
  },
  {
    ...RDNA3,
    architecture: "gfx1100",
    product: {
      name: "Radeon RX 7900 XTX",
      computeUnits: 96,
      clock: 2.5e9,
      memoryBandwidth: 9.6e11,
      l2BytesPerClock: 3072,
      cacheBytes: 96 * MIB,
    },
  },
  {
    ...RDNA3,
    architecture: "gfx1101",
    product: {
      name: "Radeon RX 7800 XT",
      computeUnits: 60,
      clock: 2.43e9,
      memoryBandwidth: 6.24e11,
      l2BytesPerClock: 2048,
      cacheBytes: 64 * MIB,
    },
  },
  {
    ...RDNA4,
    architecture: "gfx1200",
    product: {
      name: "Radeon RX 9060 XT",
      computeUnits: 32,
      clock: 3.13e9,
      memoryBandwidth: 3.2e11,
      l2BytesPerClock: 1024,
      cacheBytes: 32 * MIB,
    },
  },
  {
    ...RDNA4,
    architecture: "gfx1201",
    product: {
      name: "Radeon RX 9070 XT",
      computeUnits: 64,
      clock: 2.97e9,
      memoryBandwidth: 6.4e11,
      l2BytesPerClock: 2048,
      cacheBytes: 64 * MIB,
    },
  },
];

export function targetOf(architecture: string): Target | undefined {
  return TARGETS.find((target) => target.architecture === architecture);
}

/** Whether an architecture can run what is written for this matrix unit; what needs none, every architecture can. */
export function hasMatrixUnit(architecture: string, unit: MatrixUnit | undefined): boolean {
  return unit === undefined || targetOf(architecture)?.matrixUnit === unit;
}

/** The parts of the GPU that blocks are given to: compute units, or work-group processors of RDNA. */
export function unitsOf(target: Target): number {
  return (target.product.computeUnits * simdsPerUnit(target)) / target.simds;
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
  /** Blocks of a compute unit, or of a work-group processor of RDNA, and waves per SIMD of each. */
  readonly blocks: number;
  readonly wavesOfBlock: number;
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
  const found = { waves, blocks, wavesOfBlock: wavesOfBlock / target.simds };
  if (byLds < byWaves) return { ...found, limit: "LDS" };
  if (waves < perSimd) return { ...found, limit: "block" };
  return { ...found, limit: perSimd < target.maxWavesPerSimd ? "VGPRs" : "waves" };
}
