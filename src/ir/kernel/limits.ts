/**
 * What every proof assumes of sizes, and every launcher checks before a launch: one table, two uses.
 *
 * A kernel has an instance per index width. The 64-bit one serves any size that a 64-bit machine can hold; the 32-bit
 * one is chosen when the sizes are small enough for 32-bit indices.
 */

import type { Triple } from "./types.ts";

export type IndexWidth = 32 | 64;

export interface SizeLimits {
  /** Every dimension d satisfies 0 ≤ d ≤ maxDim. */
  readonly maxDim: bigint;
  /** The product of each tensor's dimensions is at most this. */
  readonly maxElements: bigint;
}

/**
 * 64 bits: 2^46 elements of 8 bytes exceed the 47-bit user address space of x86-64 and the 48-bit one of AMD GPUs.
 * 32 bits: 2^30 leaves room above a dimension for the overshoot of the last tile and of a loop's exit increment.
 */
export const SIZE_LIMITS: Readonly<Record<IndexWidth, SizeLimits>> = {
  32: { maxDim: 2n ** 30n, maxElements: 2n ** 31n - 1n },
  64: { maxDim: 2n ** 40n, maxElements: 2n ** 46n },
};

/** The signed integers of a width: [min, max]. */
export const INT_RANGE: Readonly<Record<IndexWidth, { readonly min: bigint; readonly max: bigint }>> = {
  32: { min: -(2n ** 31n), max: 2n ** 31n - 1n },
  64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
};

/**
 * Blocks per grid axis. HIP's `hipDeviceProp_t::maxGridSize` is 2^31 − 1 on x for AMD GPUs; 65,535 on y and z is the
 * bound that the HIP programming guide gives for portable programs.
 */
export const MAX_GRID: Triple<bigint> = [2n ** 31n - 1n, 65_535n, 65_535n];

/** Threads per grid axis: the AQL dispatch packet's `grid_size_x` is an unsigned 32-bit count of work-items (HSA 1.2, 2.9.6). */
export const MAX_GRID_THREADS = 2n ** 32n - 1n;

/** Threads per block on every AMD GPU that HIP supports. */
export const MAX_BLOCK_THREADS = 1024n;

/** LDS bytes that one block may use: 64 KiB on RDNA and on CDNA up to gfx942 (each ISA document, "LDS"). */
export const MAX_SHARED_BYTES = 65_536n;

/** Bytes of one element in memory. */
export const ELEMENT_BYTES = { f32: 4n, f16: 2n, bf16: 2n, i32: 4n, u32: 4n, i64: 8n } as const;

/**
 * Bytes that a segment of global memory may have. 128: a line of the vector caches, but for the first one of CDNA 2, which has lines
 * of 64 (AMD's "CDNA 2" and "CDNA 3" white papers, "RDNA Architecture"). 32: the least that the L2 asks memory for, which it asks
 * for 32 or 64 bytes (ROCm's "MI200 performance counters", TCC_EA_RDREQ and TCC_EA_RDREQ_32B).
 */
export const SEGMENT_BYTES: readonly bigint[] = [32n, 64n, 128n];
/** Of a segment of which nothing else is said. */
export const USUAL_SEGMENT_BYTES = 64n;

/** Threads that fill a segment together, where each accesses so many consecutive elements: 16 of 64 bytes with an f32 each. */
export function threadsOfSegment(bytes: bigint, element: keyof typeof ELEMENT_BYTES, lanes: bigint): bigint {
  const own = ELEMENT_BYTES[element] * lanes;
  return own < bytes ? bytes / own : 1n;
}

/**
 * Bytes that one access of memory moves at most: a longer vector is moved in pieces of this size.
 *
 * The alignment of a vector access has two halves. The verifier proves that its index is a multiple of its lanes; that
 * the array itself starts at a multiple of `vectorAlignment` is up to the launcher, which checks every tensor's address,
 * and to the emitter, which aligns shared arrays.
 */
const MAX_ACCESS_BYTES = 16n;

/** The bytes whose multiple an array's address must be for accesses of so many lanes. */
export function vectorAlignment(element: keyof typeof ELEMENT_BYTES, lanes: bigint): bigint {
  const bytes = ELEMENT_BYTES[element] * lanes;
  return bytes < MAX_ACCESS_BYTES ? bytes : MAX_ACCESS_BYTES;
}

/** The integers that an integer element type holds: [min, max]. */
export const ELEMENT_RANGE = {
  i32: { min: -(2n ** 31n), max: 2n ** 31n - 1n },
  u32: { min: 0n, max: 2n ** 32n - 1n },
  i64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
} as const;
