/**
 * Floats of 16 bits, as which `f16` and `bf16` tensors store floats: one sign bit, some of the exponent, the others of the
 * fraction. Both are formats as IEEE 754 describes them, with subnormal values, infinities and NaN.
 *
 * Values are JavaScript numbers; in memory an element is its 16 bits, held in a `Uint16Array`. Two values next to each other
 * are a *spacing* apart, which doubles with each power of two and is the same below the smallest normal value as above it.
 */

interface HalfFormat {
  readonly fractionBits: number;
  /** 2 to this is the smallest normal value. */
  readonly smallestExponent: number;
  /** The largest finite value, (2 − 2^−fractionBits)·2^(1 − smallestExponent). */
  readonly largest: number;
  /** All bits of the exponent: an infinity. */
  readonly infinity: number;
  /** The bits of the NaN that is written: the quiet one without a payload. */
  readonly nan: number;
}

function format(exponentBits: number, fractionBits: number): HalfFormat {
  const largestExponent = 2 ** (exponentBits - 1) - 1;
  const infinity = (2 ** exponentBits - 1) << fractionBits;
  return {
    fractionBits,
    smallestExponent: 1 - largestExponent,
    largest: (2 - 2 ** -fractionBits) * 2 ** largestExponent,
    infinity,
    nan: infinity | (1 << (fractionBits - 1)),
  };
}

/** `f16` is IEEE 754's binary16; `bf16` is the upper half of a binary32. */
export const HALF_FORMATS = { f16: format(5, 10), bf16: format(8, 7) } as const satisfies Record<string, HalfFormat>;
export type HalfElement = keyof typeof HALF_FORMATS;
export const HALF_ELEMENTS: readonly HalfElement[] = ["f16", "bf16"];

const SIGN = 0x8000;
/** Random integers r for a rounding are uniform on 0 ≤ r < 2³¹. */
const RANDOM_RANGE = 2 ** 31;

const view = new DataView(new ArrayBuffer(8));
/** What the exponents of doubles are above. */
const BIAS = 1023;

/** The distance between the two values around a finite `x`, or from x to the next one further from 0. */
export function spacingAt(element: HalfElement, x: number): number {
  const { smallestExponent, fractionBits } = HALF_FORMATS[element];
  view.setFloat64(0, x);
  const exponent = ((view.getUint16(0) >>> 4) & 0x7ff) - BIAS;
  // A power of two is put together from its exponent: it is normal as a double, and `2 **` takes several times as long.
  view.setUint16(0, (Math.max(exponent, smallestExponent) - fractionBits + BIAS) << 4);
  view.setUint16(2, 0);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** The nearest value, of two equally near ones the even one; from half a spacing above the largest one on an infinity. */
export function roundToNearest(element: HalfElement, x: number): number {
  if (!Number.isFinite(x)) return x;
  const spacing = spacingAt(element, x);
  const steps = Math.abs(x) / spacing;
  const below = Math.floor(steps);
  const rest = steps - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 === 1);
  return withSign(element, x, (up ? below + 1 : below) * spacing);
}

/**
 * Stochastic rounding: the value next to `x` away from 0 where `random`/2³¹ is less than x's share of the way to it, else
 * the one towards 0. For random integers uniform on 0 ≤ random < 2³¹ the mean of the results is x to within 2⁻³¹ of their
 * distance. Above the largest finite value there is nothing to choose from: the nearest value.
 */
export function roundAtRandom(element: HalfElement, x: number, random: number): number {
  if (!(Math.abs(x) < HALF_FORMATS[element].largest)) return roundToNearest(element, x);
  const spacing = spacingAt(element, x);
  const steps = Math.abs(x) / spacing;
  const below = Math.floor(steps);
  const up = random < (steps - below) * RANDOM_RANGE;
  return withSign(element, x, (up ? below + 1 : below) * spacing);
}

function withSign(element: HalfElement, x: number, magnitude: number): number {
  const value = magnitude > HALF_FORMATS[element].largest ? Number.POSITIVE_INFINITY : magnitude;
  return x < 0 || Object.is(x, -0) ? -value : value;
}

/** The value of 16 bits. */
export function valueOfBits(element: HalfElement, bits: number): number {
  const { fractionBits, smallestExponent, infinity } = HALF_FORMATS[element];
  const exponent = (bits & infinity) >>> fractionBits;
  const fraction = bits & (2 ** fractionBits - 1);
  const sign = bits & SIGN ? -1 : 1;
  if ((bits & infinity) === infinity) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (smallestExponent - fractionBits);
  return sign * (1 + fraction / 2 ** fractionBits) * 2 ** (exponent + smallestExponent - 1);
}

/** The 16 bits of the nearest value. */
export function bitsOfNearest(element: HalfElement, x: number): number {
  const { fractionBits, smallestExponent, infinity, nan } = HALF_FORMATS[element];
  const value = roundToNearest(element, x);
  const sign = value < 0 || Object.is(value, -0) ? SIGN : 0;
  if (Number.isNaN(value)) return nan;
  if (!Number.isFinite(value)) return sign | infinity;
  const spacing = spacingAt(element, value);
  const steps = Math.abs(value) / spacing;
  // A normal value is 2^fractionBits steps or more, whose upper bit is implied.
  const implied = 2 ** fractionBits;
  const exponent = steps < implied ? 0 : Math.log2(spacing) - smallestExponent + fractionBits + 1;
  return sign | (exponent << fractionBits) | (steps % implied);
}

/** The floats of a tensor's bits. */
export function floatsOfBits(element: HalfElement, bits: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, (one) => valueOfBits(element, one));
}

/** The nearest values, as bits. */
export function bitsOfFloats(element: HalfElement, values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, (value) => bitsOfNearest(element, value));
}
