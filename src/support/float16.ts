/**
 * IEEE 754's binary16, as which `f16` tensors store floats: one sign bit, five of the exponent, ten of the fraction.
 *
 * Values are JavaScript numbers; in memory an element is its 16 bits, held in a `Uint16Array`.
 */

/** The largest finite value, (2 − 2⁻¹⁰)·2¹⁵. */
export const LARGEST_HALF = 65_504;
/** 2 to this is the smallest normal value; below it all values are as far apart as above it. */
const SMALLEST_EXPONENT = -14;
const FRACTION_BITS = 10;
/** Random integers r for a rounding are uniform on 0 ≤ r < 2³¹. */
const RANDOM_RANGE = 2 ** 31;

const view = new DataView(new ArrayBuffer(8));

/** The distance between the two f16 values around a finite `x`, or from x to the next one further from 0. */
export function halfSpacing(x: number): number {
  view.setFloat64(0, x);
  const exponent = ((view.getUint16(0) >>> 4) & 0x7ff) - 1023;
  return 2 ** (Math.max(exponent, SMALLEST_EXPONENT) - FRACTION_BITS);
}

/** The nearest f16 value, of two equally near ones the even one; from 65,520 on an infinity. */
export function roundToHalf(x: number): number {
  if (!Number.isFinite(x)) return x;
  const spacing = halfSpacing(x);
  const steps = Math.abs(x) / spacing;
  const below = Math.floor(steps);
  const rest = steps - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return withSign(x, (up ? below + 1 : below) * spacing);
}

/**
 * Stochastic rounding: the f16 value next to `x` away from 0 where `random`/2³¹ is less than x's share of the way to it,
 * else the one towards 0. For random integers uniform on 0 ≤ random < 2³¹ the mean of the results is x to within 2⁻³¹ of
 * their distance. Above the largest finite f16 there is nothing to choose from: the nearest value.
 */
export function roundToHalfAtRandom(x: number, random: number): number {
  if (!(Math.abs(x) < LARGEST_HALF)) return roundToHalf(x);
  const spacing = halfSpacing(x);
  const steps = Math.abs(x) / spacing;
  const below = Math.floor(steps);
  const up = random < (steps - below) * RANDOM_RANGE;
  return withSign(x, (up ? below + 1 : below) * spacing);
}

function withSign(x: number, magnitude: number): number {
  const value = magnitude > LARGEST_HALF ? Number.POSITIVE_INFINITY : magnitude;
  return x < 0 || Object.is(x, -0) ? -value : value;
}

/** The value of 16 bits. */
export function halfOfBits(bits: number): number {
  const exponent = (bits >>> FRACTION_BITS) & 0x1f;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (SMALLEST_EXPONENT - FRACTION_BITS);
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of the nearest f16 value. */
export function bitsOfHalf(x: number): number {
  const value = roundToHalf(x);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (Number.isNaN(value)) return 0x7e00;
  if (!Number.isFinite(value)) return sign | 0x7c00;
  const spacing = halfSpacing(value);
  const steps = Math.abs(value) / spacing;
  // A normal value is 1024 to 2047 steps, whose upper bit is implied.
  const exponent = steps < 1024 ? 0 : Math.log2(spacing) - SMALLEST_EXPONENT + FRACTION_BITS + 1;
  return sign | (exponent << FRACTION_BITS) | (steps % 1024);
}

/** The floats of an f16 tensor. */
export function halvesToFloats(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, halfOfBits);
}

/** The nearest f16 values, as bits. */
export function floatsToHalves(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, bitsOfHalf);
}
