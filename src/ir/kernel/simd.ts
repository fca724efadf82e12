/**
 * Vector units of CPUs: instruction sets in whose registers a kernel keeps rows of its register arrays.
 *
 * A kernel names the units that it is for, and each makes an instance of its own, as matrix units of GPUs do. What it computes is
 * that of any kernel; the unit decides how wide a row is and with which instructions it is compiled.
 */

export const SIMD_UNITS = ["avx512", "avx2"] as const;
export type SimdUnit = (typeof SIMD_UNITS)[number];

/** Elements of `f32` in one register: 512 and 256 bits. */
export const SIMD_LANES: Readonly<Record<SimdUnit, bigint>> = { avx512: 16n, avx2: 8n };
