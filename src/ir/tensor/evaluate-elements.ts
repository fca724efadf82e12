/**
 * Reference rules of the operations that treat each element by itself, or only move it: gelu, stack, and rows by index.
 */

import { erf } from "../../support/erf.ts";
import { InternalError } from "../../support/result.ts";
import {
  at,
  type Bounded,
  type BoundedResult,
  boundAt,
  elementCount,
  emptyResult,
  F32_MAX,
  FUNCTION_ULPS,
  isNonNegative,
  relativeError,
  rowErrorOf,
  store,
  storeNaN,
  storeUnknown,
  UNDERFLOW,
  UNIT_ROUNDOFF,
  wildness,
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";
import type { GeluForm } from "./types.ts";

/** Above the largest |derivative| of either form: 1.1290 at √2 for `erf`, 1.1290 near 1.42 for `tanh`. */
const GELU_LIPSCHITZ = 1.13;

/**
 * How s = 1 + f(z) errs in f32, f = erf with z = x/√2, or f = tanh with z = √(2/π)(x + 0.044715x³):
 *   |ŝ − s| ≤ steepness·(argument roundings)·u + functionError·|f| + u·(1 + |f|)
 * where steepness bounds |z|·f′(z), so that a relative error of z moves f by that much, and |f| ≤ min(1, slope·|x|).
 * The terms of z have one sign, hence its relative error is a count of roundings: of the constant and of the product or
 * quotient for erf; two of x³, two for its factor, the sum, and two for the outer factor for tanh. Each is one more here,
 * for second-order terms.
 */
interface GeluErrors {
  readonly argumentRoundings: number;
  /** max |z|·f′(z): 0.4839 at z = 1/√2 for erf, 0.4478 at z = 0.772 for tanh. */
  readonly steepness: number;
  /** |f(z(x))| ≤ slope·|x|, and near 0 also |z|·f′(z) ≤ slope·|x|: √(2/π) = 0.7979, and 1 with the cubic term. */
  readonly slope: number;
  readonly functionError: number;
}

const GELU_ERRORS: { readonly [F in GeluForm]: GeluErrors } = {
  erf: {
    argumentRoundings: 2 + 2 * FUNCTION_ULPS.div,
    steepness: 0.485,
    slope: 0.8,
    functionError: relativeError(FUNCTION_ULPS.erf),
  },
  tanh: { argumentRoundings: 8, steepness: 0.45, slope: 1, functionError: relativeError(FUNCTION_ULPS.tanh) },
};

/** GELU in float64 by its definition; NaN at −∞, as by the definition in f32. */
export function gelu(x: number, form: GeluForm): number {
  switch (form) {
    case "erf":
      return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
    case "tanh":
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    default:
      form satisfies never;
      throw new InternalError(`unknown form of GELU ${String(form)}`);
  }
}

/** Any shape; the input's error times the Lipschitz constant, and the evaluation's own at |x| + δ. */
export const evaluateGelu: Rule<"gelu"> = (op, operands) => {
  const x = operand(op, operands, 0);
  const result = emptyResult(x.shape);
  const errors = GELU_ERRORS[op.form];
  const width = x.shape.at(-1) ?? 1;
  const rowError = new Float64Array(width === 0 ? 0 : x.values.length / width);
  for (let row = 0; row < rowError.length; row++) {
    let squares = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      const [input, error] = [at(x.values, i), boundAt(x, i)];
      const value = gelu(input, op.form);
      const own = ownError(errors, Math.abs(input) + error, Math.abs(value) + GELU_LIPSCHITZ * error);
      squares += own * own;
      if (wildness(x, i, i + 1) !== "finite") storeWildGelu(result, i, value, error);
      else if (2 * (Math.abs(input) + error) > F32_MAX) storeUnknown(result, i, value);
      else store(result, i, value, GELU_LIPSCHITZ * error + own);
    }
    const total = GELU_LIPSCHITZ * rowErrorOf(x, row, width) + Math.sqrt(squares);
    rowError[row] = Number.isNaN(total) ? Number.POSITIVE_INFINITY : total;
  }
  return { ...result, rowError };
};

/** The error of evaluating GELU in f32 at a number of at most `size`, where the result is at most `valueSize`. */
function ownError(errors: GeluErrors, size: number, valueSize: number): number {
  const reach = errors.slope * size;
  const sumError =
    Math.min(errors.steepness, reach) * errors.argumentRoundings * UNIT_ROUNDOFF +
    (errors.functionError + UNIT_ROUNDOFF) * Math.min(1, reach) +
    UNIT_ROUNDOFF * (1 + errors.functionError);
  const before = 0.5 * size * sumError;
  return before + 2 * UNIT_ROUNDOFF * (valueSize + before) + 4 * UNDERFLOW * (1 + size);
}

function storeWildGelu(result: BoundedResult, index: number, value: number, bound: number): void {
  if (bound === Number.POSITIVE_INFINITY) storeUnknown(result, index, value);
  else if (Number.isNaN(value)) storeNaN(result, index);
  else result.values[index] = value;
}

/** E tensors of one shape → [E, …]. */
export const evaluateStack: Rule<"stack"> = (op, operands) => {
  const { shape } = operand(op, operands, 0);
  const result = emptyResult([operands.length, ...shape]);
  const length = elementCount(shape);
  for (const [e, part] of operands.entries()) {
    result.values.set(part.values, e * length);
    if (part.bound !== undefined) result.bound.set(part.bound, e * length);
  }
  return result;
};

/** Vectors → one after another. */
export const evaluateConcat: Rule<"concat"> = (_op, operands) => {
  const result = emptyResult([operands.reduce((length, part) => length + part.values.length, 0)]);
  let start = 0;
  for (const part of operands) {
    result.values.set(part.values, start);
    if (part.bound !== undefined) result.bound.set(part.bound, start);
    start += part.values.length;
  }
  return operands.every(isNonNegative) ? { ...result, nonNegative: true } : result;
};

/** x [R, N], source [T] → [T, N]. A row that is not there is a defect of the caller, who has checked the data. */
export const evaluateGather: Rule<"gather-rows"> = (op, operands) => {
  const [x, source] = [operand(op, operands, 0), operand(op, operands, 1)];
  const [rows = 0, width = 0] = x.shape;
  const result = emptyResult([source.values.length, width]);
  for (const [t, row] of source.values.entries()) {
    if (!(Number.isInteger(row) && row >= 0 && row < rows)) {
      throw new InternalError(`${op.label}: row ${row} of ${rows}`);
    }
    copyRow(result, t, x, row, width);
  }
  return result;
};

/** x [T, N], position [T], source [T] → [T, N]. */
export const evaluateScatter: Rule<"scatter-rows"> = (op, operands) => {
  const [x, position] = [operand(op, operands, 0), operand(op, operands, 1)];
  const [rows = 0, width = 0] = x.shape;
  const result = emptyResult(x.shape);
  if (new Set(position.values).size < rows) throw new InternalError(`${op.label}: position is no permutation`);
  for (const [t, row] of position.values.entries()) {
    if (!(Number.isInteger(row) && row >= 0 && row < rows)) {
      throw new InternalError(`${op.label}: row ${row} of ${rows}`);
    }
    copyRow(result, row, x, t, width);
  }
  return result;
};

function copyRow(result: BoundedResult, to: number, x: Bounded, from: number, width: number): void {
  for (let n = 0; n < width; n++) {
    result.values[to * width + n] = at(x.values, from * width + n);
    result.bound[to * width + n] = boundAt(x, from * width + n);
  }
}

/** x [P, …] → […]: the part at `index`, with the errors of its rows. */
export const evaluatePart: Rule<"part"> = (op, operands) => {
  const x = operand(op, operands, 0);
  const [, ...shape] = x.shape;
  const size = elementCount(shape);
  const [start, end] = [op.index * size, (op.index + 1) * size];
  return { shape, values: x.values.slice(start, end), bound: x.bound?.slice(start, end) };
};
