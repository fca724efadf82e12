/**
 * Numbers with a running error bound: the arithmetic in which the reference evaluates a definition.
 *
 * A number is a float64 value with a bound on how far an f32 evaluation is from it that sums in any order, and otherwise
 * computes in the order in which the definition is written (running error analysis; Higham, "Accuracy and Stability of Numerical Algorithms", section 3.3). What is infinite, or may
 * overflow in f32, or divides by what may be 0, has the bound ∞: nothing is promised of it. NaN with another bound is
 * certain, and so is whatever is computed from it.
 */

import { erf } from "../../support/erf.ts";
import { InternalError } from "../../support/result.ts";
import type { Arithmetic, Definition } from "./arithmetic.ts";
import { attributeOf, type ClaimAttribute } from "./claim-signature.ts";
import {
  at,
  type Bounded,
  boundAt,
  elementCount,
  emptyResult,
  F32_MAX,
  FUNCTION_ULPS,
  gamma,
  relativeError,
  storeNaN,
  storeUnknown,
  UNDERFLOW,
  UNIT_ROUNDOFF,
} from "./error-model.ts";
import type { Rule } from "./rule.ts";
import type { OpKind } from "./types.ts";

export interface BoundedNumber {
  readonly value: number;
  /** ≥ 0; ∞ where nothing is promised; 0 for NaN that is certain. */
  readonly error: number;
}

const UNKNOWN: BoundedNumber = { value: Number.NaN, error: Number.POSITIVE_INFINITY };
const CERTAIN_NAN: BoundedNumber = { value: Number.NaN, error: 0 };

/** A result before its own rounding: `error` is what its operands' errors make of it. */
export function rounded(value: number, error: number, relative: number): BoundedNumber {
  const size = Math.abs(value) + error;
  // What is exactly 0 in both evaluations is neither rounded nor flushed.
  const total = size === 0 ? 0 : error + relative * size + UNDERFLOW;
  return size + total <= F32_MAX ? { value, error: total } : UNKNOWN;
}

function isKnown({ value, error }: BoundedNumber): boolean {
  return Number.isFinite(value) && Number.isFinite(error);
}

/** What comes of operands that are not all ordinary numbers; `undefined` where they are. */
function extraordinary(operands: readonly BoundedNumber[]): BoundedNumber | undefined {
  if (operands.every(isKnown)) return undefined;
  const certain = operands.some(({ value, error }) => Number.isNaN(value) && error !== Number.POSITIVE_INFINITY);
  return certain ? CERTAIN_NAN : UNKNOWN;
}

type FunctionName = Parameters<Arithmetic<BoundedNumber>["call"]>[0];

/** How far a function of an argument with this error may be from its value. */
const FUNCTIONS: { readonly [F in FunctionName]: (x: BoundedNumber) => readonly [value: number, error: number] } = {
  exp: ({ value, error }) => [Math.exp(value), Math.exp(value) * Math.expm1(error)],
  // 2/√π is the steepest slope.
  // log(x ± e) is farthest from log x below it.
  log: ({ value, error }) => [
    Math.log(value),
    value - error > 0 ? Math.log(value) - Math.log(value - error) : Number.POSITIVE_INFINITY,
  ],
  erf: ({ value, error }) => [erf(value), Math.min(2, 1.1284 * error)],
  tanh: ({ value, error }) => [Math.tanh(value), Math.min(2, error)],
  // √(x ± e) is farthest from √x below it, where x − e is not cut off at 0.
  sqrt: ({ value, error }) => [
    Math.sqrt(value),
    value - error < 0 ? Number.POSITIVE_INFINITY : Math.sqrt(value) - Math.sqrt(value - error),
  ],
};

export const BOUNDED: Arithmetic<BoundedNumber> = {
  literal: (value) => ({ value, error: Math.abs(Math.fround(value) - value) }),
  integer: (value) => ({ value, error: UNIT_ROUNDOFF * (Math.fround(value) === value ? 0 : Math.abs(value)) }),
  add: (a, b) => {
    return extraordinary([a, b]) ?? rounded(a.value + b.value, a.error + b.error, UNIT_ROUNDOFF);
  },
  subtract: (a, b) => {
    return extraordinary([a, b]) ?? rounded(a.value - b.value, a.error + b.error, UNIT_ROUNDOFF);
  },
  multiply: (a, b) => {
    const spread = Math.abs(a.value) * b.error + Math.abs(b.value) * a.error + a.error * b.error;
    return extraordinary([a, b]) ?? rounded(a.value * b.value, spread, UNIT_ROUNDOFF);
  },
  divide: (a, b) => {
    const least = Math.abs(b.value) - b.error;
    const odd = extraordinary([a, b]);
    if (odd !== undefined) return odd;
    if (!(least > UNDERFLOW)) return UNKNOWN;
    const quotient = a.value / b.value;
    return rounded(quotient, (a.error + Math.abs(quotient) * b.error) / least, relativeError(FUNCTION_ULPS.div));
  },
  sum: (terms) => {
    const odd = extraordinary(terms);
    if (odd !== undefined) return odd;
    let [value, error, magnitude] = [0, 0, 0];
    for (const term of terms) {
      value += term.value;
      error += term.error;
      magnitude += Math.abs(term.value) + term.error;
    }
    const total = error + gamma(terms.length) * magnitude;
    return magnitude + total <= F32_MAX ? { value, error: total } : UNKNOWN;
  },
  max: (a, b) => {
    const larger = a.value > b.value ? a : b;
    return extraordinary([a, b]) ?? { value: larger.value, error: Math.max(a.error, b.error) };
  },
  call: (fn, x) => {
    const odd = extraordinary([x]);
    if (odd !== undefined) return odd;
    const [value, error] = FUNCTIONS[fn](x);
    return Number.isFinite(value) && Number.isFinite(error)
      ? rounded(value, error, relativeError(FUNCTION_ULPS[fn]))
      : UNKNOWN;
  },
  whereNonZero: (condition, yes, no) => {
    if (condition.error === 0 || Number.isNaN(condition.value)) {
      return condition.error === Number.POSITIVE_INFINITY ? UNKNOWN : condition.value === 0 ? no : yes;
    }
    return Math.abs(condition.value) > condition.error ? yes : UNKNOWN;
  },
  whereAtMost: (a, b, yes, no) => {
    if (Number.isNaN(a.value) || Number.isNaN(b.value)) return no;
    if (Math.abs(a.value - b.value) > a.error + b.error || a.error + b.error === 0)
      return a.value <= b.value ? yes : no;
    return UNKNOWN;
  },
  // A row number of a choice that is uncertain in f32 has the bound ∞, and is that of the reference.
  index: ({ value, error }, count) => {
    const isRowNumber = error === 0 || error === Number.POSITIVE_INFINITY;
    if (isRowNumber && Number.isInteger(value) && value >= 0 && value < count) return value;
    throw new InternalError(`${value} is no number from 0 to below ${count}`);
  },
};

/** The reference rule of an operation that has a definition. */
export function evaluateBy<K extends OpKind>(define: Definition<K>): Rule<K> {
  return (op, operands) => {
    const attribute = (name: ClaimAttribute): number => attributeOf(op, name) ?? Number.NaN;
    const { shape, elements } = define(op, operands.map(numbersOf), {
      arithmetic: BOUNDED,
      real: (name) => ({ value: Math.fround(attribute(name)), error: 0 }),
      integer: attribute,
    });
    if (elements.length !== elementCount(shape)) throw new InternalError(`${op.label}: ${elements.length} elements`);
    const result = emptyResult(shape);
    for (const [i, { value, error }] of elements.entries()) {
      if (Number.isNaN(value) && error !== Number.POSITIVE_INFINITY) storeNaN(result, i);
      else if (Number.isFinite(error)) {
        result.values[i] = value;
        result.bound[i] = error;
      } else storeUnknown(result, i, value);
    }
    return result;
  };
}

function numbersOf(tensor: Bounded): { shape: readonly number[]; elements: readonly BoundedNumber[] } {
  const { shape, values } = tensor;
  return { shape, elements: Array.from(values, (_, i) => ({ value: at(values, i), error: boundAt(tensor, i) })) };
}
