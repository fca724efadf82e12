/**
 * Reference rules of the operations on rows that belong to experts: each row under the rule that a dense operation has,
 * with the operands of its expert. Row numbers that are not there are a defect of the caller, who has checked the data.
 */

import { InternalError } from "../../support/result.ts";
import { type Bounded, emptyResult, rowErrorOf } from "./error-model.ts";
import { evaluateLayerNorm } from "./evaluate-layer-norm.ts";
import { evaluateCombine, evaluateLinear } from "./evaluate-sums.ts";
import { operand, type Rule } from "./rule.ts";

/** x [T, N], gamma [E, N], beta [E, N], expert [T] → [T, N]. */
export const evaluateGroupedLayerNorm: Rule<"grouped-layer-norm"> = (op, operands, uncertainRows) => {
  const [x, gamma, beta, expert] = [0, 1, 2, 3].map((index) => operand(op, operands, index));
  if (!x || !gamma || !beta || !expert) throw new InternalError(`${op.label}: no operands`);
  const [rows = 0, width = 0] = x.shape;
  const [experts = 0] = gamma.shape;
  const result = emptyResult(x.shape);
  const rowError = new Float64Array(rows);
  for (let p = 0; p < rows; p++) {
    const e = rowNumber(op.label, expert, p, experts);
    const norm = { ...op, kind: "layer-norm" } as const;
    const row = { ...rowOf(x, p, [1, width]), rowError: Float64Array.of(rowErrorOf(x, p, width)) };
    const parameters = [rowOf(gamma, e, [width]), rowOf(beta, e, [width])];
    const normalised = evaluateLayerNorm(norm, [row, ...parameters], uncertainRows);
    result.values.set(normalised.values, p * width);
    result.bound.set(normalised.bound ?? new Float64Array(width), p * width);
    rowError[p] = width === 0 ? 0 : rowErrorOf(normalised, 0, width);
  }
  return { ...result, rowError };
};

/** x [T, K], w [E, N, K], bias [E, N], offsets [E+1], expert [T] → [T, N]. */
export const evaluateGroupedLinear: Rule<"grouped-linear"> = (op, operands, uncertainRows) => {
  const [x, w, bias, offsets, expert] = [0, 1, 2, 3, 4].map((index) => operand(op, operands, index));
  if (!x || !w || !bias || !offsets || !expert) throw new InternalError(`${op.label}: no operands`);
  const [rows = 0, features = 0] = x.shape;
  const [experts = 0, outputs = 0] = w.shape;
  const result = emptyResult([rows, outputs]);
  const rowError = new Float64Array(rows);
  for (let e = 0; e < experts; e++) {
    const [first, end] = [offsets.values[e] ?? 0, offsets.values[e + 1] ?? 0];
    for (let p = first; p < end; p++) {
      if (rowNumber(op.label, expert, p, experts) !== e)
        throw new InternalError(`${op.label}: row ${p} is not of ${e}`);
    }
    const group = rowsOf(x, first, end, [end - first, features]);
    const layer = [rowsOf(w, e * outputs, (e + 1) * outputs, [outputs, features]), rowOf(bias, e, [outputs])];
    const linear = { kind: "linear", label: op.label, x: op.x, w: op.w, bias: op.bias } as const;
    const own = evaluateLinear(linear, [group, ...layer], uncertainRows);
    result.values.set(own.values, first * outputs);
    result.bound.set(own.bound ?? new Float64Array(own.values.length), first * outputs);
    for (let p = first; p < end; p++) rowError[p] = outputs === 0 ? 0 : rowErrorOf(own, p - first, outputs);
  }
  return { ...result, rowError };
};

/** gates [B, K], parts [B·K, N], position [B·K] → [B, N]: each row combines its parts as an only row of `combine`. */
export const evaluateCombineRows: Rule<"combine-rows"> = (op, operands, uncertainRows) => {
  const [gates, parts, position] = [operand(op, operands, 0), operand(op, operands, 1), operand(op, operands, 2)];
  const [rows = 0, choices = 0] = gates.shape;
  const [places = 0, width = 0] = parts.shape;
  const result = emptyResult([rows, width]);
  for (let b = 0; b < rows; b++) {
    const chosen = emptyResult([choices, 1, width]);
    for (let s = 0; s < choices; s++) {
      const part = rowOf(parts, rowNumber(op.label, position, b * choices + s, places), [width]);
      chosen.values.set(part.values, s * width);
      if (part.bound !== undefined) chosen.bound.set(part.bound, s * width);
    }
    const combine = { kind: "combine", label: op.label, weights: op.gates, parts: op.parts } as const;
    const combined = evaluateCombine(combine, [rowOf(gates, b, [1, choices]), chosen], uncertainRows);
    result.values.set(combined.values, b * width);
    result.bound.set(combined.bound ?? new Float64Array(width), b * width);
  }
  return result;
};

/** Rows `first` to `end` (exclusive) of a matrix, whatever its leading axes, as a tensor of this shape. */
function rowsOf({ values, bound, rowError }: Bounded, first: number, end: number, shape: readonly number[]): Bounded {
  const width = shape.at(-1) ?? 0;
  const own = {
    shape,
    values: values.slice(first * width, end * width),
    bound: bound?.slice(first * width, end * width),
  };
  return rowError === undefined ? own : { ...own, rowError: rowError.slice(first, end) };
}

/** Row `row` of a matrix, as a tensor of this shape. */
function rowOf({ values, bound }: Bounded, row: number, shape: readonly number[]): Bounded {
  const width = shape.at(-1) ?? 0;
  const [start, end] = [row * width, (row + 1) * width];
  return { shape, values: values.slice(start, end), bound: bound?.slice(start, end) };
}

function rowNumber(label: string, { values }: Bounded, index: number, rows: number): number {
  const row = values[index] ?? -1;
  if (!(Number.isInteger(row) && row >= 0 && row < rows)) throw new InternalError(`${label}: row ${row} of ${rows}`);
  return row;
}
