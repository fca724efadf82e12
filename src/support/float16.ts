/** The functions of `half-formats.ts` for IEEE 754's binary16, as which `f16` tensors store floats. */

import {
  bitsOfFloats,
  bitsOfNearest,
  floatsOfBits,
  HALF_FORMATS,
  roundAtRandom,
  roundToNearest,
  spacingAt,
  valueOfBits,
} from "./half-formats.ts";

/** The largest finite value. */
export const LARGEST_HALF = HALF_FORMATS.f16.largest;

export const halfSpacing = (x: number): number => spacingAt("f16", x);
/** From 65,520 on an infinity. */
export const roundToHalf = (x: number): number => roundToNearest("f16", x);
export const roundToHalfAtRandom = (x: number, random: number): number => roundAtRandom("f16", x, random);
export const halfOfBits = (bits: number): number => valueOfBits("f16", bits);
export const bitsOfHalf = (x: number): number => bitsOfNearest("f16", x);
export const halvesToFloats = (bits: Uint16Array): Float32Array<ArrayBuffer> => floatsOfBits("f16", bits);
export const floatsToHalves = (values: ArrayLike<number>): Uint16Array<ArrayBuffer> => bitsOfFloats("f16", values);
