/**
 * The float operations of the kernel IR on f32 values held in doubles.
 *
 * Sums, differences, products, quotients and square roots of f32 values may be computed in double and rounded: a double
 * has more than 2·24 + 1 bits, so that the second rounding never changes the result (Figueroa, "When is double rounding
 * innocuous?", 1995). `fma` needs more care. exp, log, erf and tanh are computed in double and rounded, which is within
 * 0.5000001 ulp; a target's own error bound comes on top.
 */

import { erf } from "../../support/erf.ts";
import type { FloatFunction, FloatOp } from "./expr.ts";

const { fround } = Math;

/** NaN if either is NaN; of two zeros, the second. Targets compute this very expression. */
function min32(a: number, b: number): number {
  return a < b || Number.isNaN(a) ? a : b;
}

/** NaN if either is NaN; of two zeros, the second. Targets compute this very expression. */
function max32(a: number, b: number): number {
  return a > b || Number.isNaN(a) ? a : b;
}

/**
 * a·b + c with one rounding. The product of two f32 is exact in double; the double nearest to the sum rounds to the
 * right f32 unless it lies half-way between two of them while the exact sum does not: then the sum's error decides.
 */
export function fma32(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const rounded = fround(sum);
  if (!Number.isFinite(sum)) return rounded;
  // Knuth's two-sum: product + c = sum + error, exactly.
  const shadow = sum - product;
  const error = product - (sum - shadow) + (c - shadow);
  if (error === 0 || rounded === sum) return rounded;
  // Half-way between the largest f32 and 2^128, which stands for infinity, one unit in the last place decides.
  if (!Number.isFinite(rounded)) return fround(sum + Math.sign(error) * Math.abs(sum) * 2 ** -53);
  const mirrored = sum + (sum - rounded);
  if (fround(mirrored) !== mirrored) return rounded;
  return error > 0 ? Math.max(rounded, mirrored) : Math.min(rounded, mirrored);
}

export const FLOAT_OP: Readonly<Record<FloatOp, (a: number, b: number) => number>> = {
  add: (a, b) => fround(a + b),
  sub: (a, b) => fround(a - b),
  mul: (a, b) => fround(a * b),
  div: (a, b) => fround(a / b),
};

type FunctionOf<Arity extends 1 | 2 | 3> = Arity extends 1
  ? (a: number) => number
  : Arity extends 2
    ? (a: number, b: number) => number
    : (a: number, b: number, c: number) => number;

type Arity<F extends FloatFunction> = F extends "fma" ? 3 : F extends "min" | "max" ? 2 : 1;

export const FLOAT_FUNCTION: { readonly [F in FloatFunction]: FunctionOf<Arity<F>> } = {
  exp: (a) => fround(Math.exp(a)),
  log: (a) => fround(Math.log(a)),
  erf: (a) => fround(erf(a)),
  tanh: (a) => fround(Math.tanh(a)),
  sqrt: (a) => fround(Math.sqrt(a)),
  abs: (a) => Math.abs(a),
  min: min32,
  max: max32,
  fma: fma32,
};
