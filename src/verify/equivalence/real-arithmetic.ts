/** The arithmetic of definitions over the reals: expressions, in which nothing is rounded. */

import type { Arithmetic } from "../../ir/tensor/arithmetic.ts";
import type { Real, Reals } from "./reals.ts";

/** The operation means nothing with these attributes, or for these row numbers. */
export class NotDefined extends Error {}

export function realArithmetic(reals: Reals): Arithmetic<Real> {
  return {
    literal: (value) => reals.double(Math.fround(value)),
    integer: (value) => reals.constant(value),
    add: (a, b) => reals.add(a, b),
    subtract: (a, b) => reals.subtract(a, b),
    multiply: (a, b) => reals.multiply(a, b),
    divide: (a, b) => reals.divide(a, b),
    sum: (terms) => total(reals, terms),
    max: (a, b) => reals.max(a, b),
    call: (fn, value) => reals.call(fn, value),
    whereNonZero: (condition, yes, no) => reals.select(reals.not(reals.isZero(condition)), yes, no),
    whereAtMost: (a, b, yes, no) => reals.select(reals.not(reals.positive(reals.subtract(a, b))), yes, no),
    index: (value, count) => rowNumber(reals, value, count),
  };
}

/** A row number that the launch has given; throws `NotDefined` where there is no such row. */
export function rowNumber(reals: Reals, value: Real, rows: number): number {
  const row = reals.valueOf(value);
  if (typeof row !== "number" || row < 0 || row >= rows) throw new NotDefined(`there is no row ${String(row)}`);
  return row;
}

export function total(reals: Reals, terms: readonly Real[]): Real {
  return terms.reduce((sum, term) => reals.add(sum, term), reals.zero);
}
