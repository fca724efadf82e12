/**
 * Exact rationals: the coefficients and exponents of normal forms.
 *
 * An integer that a double holds exactly is a plain number; everything else is a reduced fraction with a positive
 * denominator. So each value has one representation, and `textOf` is a key for it.
 */

import { InternalError } from "../../support/result.ts";

export type Rational = number | Fraction;

interface Fraction {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The exact value of a finite double. */
export function fromDouble(value: number): Rational {
  if (!Number.isFinite(value)) throw new InternalError(`${value} is no rational`);
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  let [scaled, denominator] = [value, 1n];
  // Doubling is exact, and a double has at most 1,074 binary places.
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    denominator *= 2n;
  }
  return reduced(BigInt(scaled), denominator);
}

export function plus(a: Rational, b: Rational): Rational {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const [p, q] = [fractionOf(a), fractionOf(b)];
  return reduced(p.numerator * q.denominator + q.numerator * p.denominator, p.denominator * q.denominator);
}

export function times(a: Rational, b: Rational): Rational {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (Number.isSafeInteger(product)) return product === 0 ? 0 : product;
  }
  const [p, q] = [fractionOf(a), fractionOf(b)];
  return reduced(p.numerator * q.numerator, p.denominator * q.denominator);
}

export function negated(a: Rational): Rational {
  if (typeof a === "number") return a === 0 ? 0 : -a;
  return { numerator: -a.numerator, denominator: a.denominator };
}

/** 1/a for a ≠ 0. */
export function reciprocal(a: Rational): Rational {
  if (a === 0) throw new InternalError("the reciprocal of 0");
  const { numerator, denominator } = fractionOf(a);
  return numerator < 0n ? reduced(-denominator, -numerator) : reduced(denominator, numerator);
}

/** a to an integer power; a ≠ 0 where the power is negative. */
export function power(a: Rational, exponent: number): Rational {
  if (exponent < 0) return power(reciprocal(a), -exponent);
  if (typeof a === "number" && exponent === 1) return a;
  const { numerator, denominator } = fractionOf(a);
  const times = BigInt(exponent);
  return reduced(numerator ** times, denominator ** times);
}

/** Each value has one representation. */
export function equals(a: Rational, b: Rational): boolean {
  if (typeof a === "number" || typeof b === "number") return a === b;
  return a.numerator === b.numerator && a.denominator === b.denominator;
}

/** −1, 0 or 1. */
export function signOf(a: Rational): number {
  if (typeof a === "number") return Math.sign(a);
  return a.numerator > 0n ? 1 : -1;
}

/** `3`, `-1/2`: one text per value. */
export function textOf(a: Rational): string {
  return typeof a === "number" ? String(a) : `${a.numerator}/${a.denominator}`;
}

/** The nearest double, or nearly: for evaluation, not for comparison. */
export function toDouble(a: Rational): number {
  if (typeof a === "number") return a;
  const [numerator, denominator] = [Number(a.numerator), Number(a.denominator)];
  if (Number.isFinite(numerator) && Number.isFinite(denominator)) return numerator / denominator;
  const shift = BigInt(Math.max(0, bits(a.denominator) - 900, bits(a.numerator) - 900));
  return Number(a.numerator >> shift) / Number(a.denominator >> shift);
}

function bits(value: bigint): number {
  return (value < 0n ? -value : value).toString(2).length;
}

function fractionOf(a: Rational): Fraction {
  return typeof a === "number" ? { numerator: BigInt(a), denominator: 1n } : a;
}

/** `denominator` > 0 */
function reduced(numerator: bigint, denominator: bigint): Rational {
  const divisor = gcd(numerator < 0n ? -numerator : numerator, denominator);
  const [n, d] = divisor === 1n ? [numerator, denominator] : [numerator / divisor, denominator / divisor];
  if (d === 1n && n <= SAFE && n >= -SAFE) return Number(n);
  return { numerator: n, denominator: d };
}

function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
