/**
 * The model of f32 arithmetic behind the reference evaluator's bounds, and the values that carry one.
 *
 * Every f32 operation gives fl(a ∘ b) = (a ∘ b)(1 + δ) + η with |δ| ≤ u = 2⁻²⁴ and |η| ≤ 2⁻¹²⁶, which allows subnormals
 * to be flushed (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., sections 2.2 and 2.8). A fused
 * multiply-add rounds once instead of twice, so that no bound depends on contraction.
 *
 * A `Bounded` tensor is a float64 value and an absolute bound on |f32 result − value| for each element:
 * - a finite bound holds for any order of summation;
 * - a bound of ∞ promises nothing, as after a possible overflow;
 * - NaN with the bound NaN: the f32 result is NaN for certain; ±∞ with the bound 0: it is that infinity for certain.
 */

import { InternalError } from "../../support/result.ts";

/** Half an ulp of f32 relative to 1, and a millionth more for the roundings of the float64 evaluation itself. */
export const UNIT_ROUNDOFF = 2 ** -24 * (1 + 2 ** -20);

/** The smallest normal f32: no rounding, flushing or underflow errs by more than this beside its relative error. */
export const UNDERFLOW = 2 ** -126;

export const F32_MAX = (2 - 2 ** -23) * 2 ** 127;

/**
 * Largest errors of the f32 functions in units in the last place, taken generously: glibc's libm documents 1 ulp for
 * expf, erff and sqrtf and 2 for tanhf on x86-64; AMD's HIP math documentation gives 1, 4, 1 and 2 for OCML. Division
 * is 0.5 where correctly rounded and 2.5 in OpenCL's full profile, which a compiler may be asked for.
 */
export const FUNCTION_ULPS = { exp: 4, log: 4, erf: 4, tanh: 4, sqrt: 3, div: 2.5 } as const;

/** An error of `ulps` as a relative error: an ulp is at most 2u of the value. */
export function relativeError(ulps: number): number {
  return ulps * 2 * UNIT_ROUNDOFF;
}

/** Higham's γ_n = n·u/(1 − n·u): the relative error of n roundings in succession; ∞ where n·u ≥ 1. */
export function gamma(roundings: number): number {
  const nu = roundings * UNIT_ROUNDOFF;
  return nu < 1 ? nu / (1 - nu) : Number.POSITIVE_INFINITY;
}

export interface Bounded {
  readonly shape: readonly number[];
  readonly values: Float64Array;
  /** One bound per element; `undefined` where every value is exact. */
  readonly bound: Float64Array | undefined;
  /**
   * A bound on the 2-norm of the error of each row (along the last axis), where one is known that is sharper than that
   * of `bound`. Worst cases of single elements cannot all occur at once: from layer to layer norms grow by the spectral
   * norm of the weights, and single bounds by their largest row sum, which is several times that.
   */
  readonly rowError?: Float64Array;
  /** No element is negative in any f32 evaluation, even where its value is smaller than its bound. */
  readonly nonNegative?: true;
  /**
   * Choices of rows, uncertain in f32, that decide which element stands where: the values are those of the reference's
   * choice, and each bound is on how far the element is from it wherever an f32 evaluation puts it.
   */
  readonly placedBy?: ReadonlySet<Bounded>;
}

/** Whether no element is negative in any evaluation, as far as that is known. */
export function isNonNegative({ values, bound, nonNegative }: Bounded): boolean {
  return nonNegative === true || values.every((value, i) => !(value - (bound?.[i] ?? 0) < 0));
}

/** A result with room for its values and bounds, all 0. */
export interface BoundedResult extends Bounded {
  readonly bound: Float64Array;
}

export function emptyResult(shape: readonly number[]): BoundedResult {
  const length = elementCount(shape);
  return { shape, values: new Float64Array(length), bound: new Float64Array(length) };
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** An element that must be there: shapes have been checked before any rule runs. */
export function at(array: Float64Array, index: number): number {
  const value = array[index];
  if (value === undefined) throw new InternalError(`element ${index} of ${array.length}`);
  return value;
}

export function boundAt({ bound }: Bounded, index: number): number {
  return bound === undefined ? 0 : at(bound, index);
}

/** A bound on the 2-norm of the error of one row of ordinary values. */
export function rowErrorOf({ bound, rowError }: Bounded, row: number, width: number): number {
  if (bound === undefined) return 0;
  const known = rowError === undefined ? Number.POSITIVE_INFINITY : at(rowError, row);
  return Math.min(known, norm(bound.subarray(row * width, (row + 1) * width)));
}

/** ‖v‖₂ */
export function norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

/** Whether a result agrees with the reference: the one comparison that tests of f32 code need. */
export function agrees(actual: number, value: number, bound: number): boolean {
  if (bound === Number.POSITIVE_INFINITY) return true;
  if (Number.isFinite(value)) return Math.abs(actual - value) <= bound;
  return Object.is(actual, value);
}

/** Stores a finite value; where f32 might overflow on the way to it, or its bound is unknown, nothing is promised. */
export function store(result: BoundedResult, index: number, value: number, bound: number): void {
  result.values[index] = value;
  result.bound[index] = Math.abs(value) + bound <= F32_MAX ? bound : Number.POSITIVE_INFINITY;
}

/** Stores NaN that is certain. */
export function storeNaN(result: BoundedResult, index: number): void {
  result.values[index] = Number.NaN;
  result.bound[index] = Number.NaN;
}

/** Stores a value of which nothing is promised. */
export function storeUnknown(result: BoundedResult, index: number, value: number): void {
  result.values[index] = value;
  result.bound[index] = Number.POSITIVE_INFINITY;
}

/** How far a row or an element is from the ordinary; `nan` and `infinite` are certain, `unknown` has the bound ∞. */
export type Wildness = "finite" | "nan" | "unknown" | "infinite";

/** NaN outweighs what is unknown, since it comes out whatever else does; both outweigh an infinity. */
export function wildness(tensor: Bounded, start: number, end: number): Wildness {
  let worst: Wildness = "finite";
  for (let i = start; i < end; i++) {
    const [value, bound] = [at(tensor.values, i), boundAt(tensor, i)];
    if (bound === Number.POSITIVE_INFINITY) worst = "unknown";
    else if (Number.isNaN(value)) return "nan";
    else if (!Number.isFinite(value) && worst === "finite") worst = "infinite";
  }
  return worst;
}

/** A stretch of certain NaN. */
export function fillNaN(result: BoundedResult, start: number, width: number): void {
  for (let i = start; i < start + width; i++) storeNaN(result, i);
}

/** A stretch of which nothing is promised. */
export function fillUnknown(result: BoundedResult, start: number, width: number): void {
  for (let i = start; i < start + width; i++) storeUnknown(result, i, Number.NaN);
}
