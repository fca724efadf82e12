/**
 * Arithmetic: what the definition of an operation is written in, so that it is written once.
 *
 * The reference evaluator takes numbers with error bounds for `T` (`bounded-number.ts`), the equivalence check expressions
 * over the reals. A definition says what the result is, not in which order a kernel adds.
 */

import { InternalError } from "../../support/result.ts";
import type { FloatAttribute, IntegerAttribute } from "./claim-signature.ts";
import type { Op, OpKind } from "./types.ts";

export interface Arithmetic<T> {
  /** A literal of a kernel: rounded to f32. */
  readonly literal: (value: number) => T;
  /** An exact integer, such as the length of a row. */
  readonly integer: (value: number) => T;
  readonly add: (a: T, b: T) => T;
  readonly subtract: (a: T, b: T) => T;
  readonly multiply: (a: T, b: T) => T;
  readonly divide: (a: T, b: T) => T;
  /** In any order; 0 for none. */
  readonly sum: (terms: readonly T[]) => T;
  readonly max: (a: T, b: T) => T;
  readonly call: (fn: "exp" | "log" | "erf" | "tanh" | "sqrt", value: T) => T;
  /** `yes` where `condition` is not 0, else `no`; the branch that is not taken does not count. */
  readonly whereNonZero: (condition: T, yes: T, no: T) => T;
  /** `yes` where a ≤ b, else `no`, and so where either is NaN; the branch that is not taken does not count. */
  readonly whereAtMost: (a: T, b: T, yes: T, no: T) => T;
  /** What an element of a tensor of row numbers holds, which has to be from 0 and below `count`. */
  readonly index: (value: T, count: number) => number;
}

/** Row-major. */
export interface Elements<T> {
  readonly shape: readonly number[];
  readonly elements: readonly T[];
}

export interface DefinitionContext<T> {
  readonly arithmetic: Arithmetic<T>;
  /** An attribute of the operation, rounded to f32. */
  readonly real: (name: FloatAttribute) => T;
  readonly integer: (name: IntegerAttribute) => number;
}

/** Operands come in the order of `operandsOf`, with shapes that `shapeOf` accepts. */
export type Definition<K extends OpKind> = <T>(
  op: Op<K>,
  operands: readonly Elements<T>[],
  context: DefinitionContext<T>,
) => Elements<T>;

/** The operand at this position, which shapes have shown to be there. */
export function operandAt<T>(op: Op, operands: readonly Elements<T>[], index: number): Elements<T> {
  const found = operands[index];
  if (found === undefined) throw new InternalError(`${op.label}: no operand ${index}`);
  return found;
}

/** The element at a row-major position. */
export function elementAt<T>({ elements }: Elements<T>, index: number): T {
  return item(elements, index);
}

export function item<T>(elements: readonly T[], index: number): T {
  const found = elements[index];
  if (found === undefined) throw new InternalError(`no element ${index}`);
  return found;
}

/** 0 to `count` − 1 */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

export function matrixOf<T>(
  shape: readonly [rows: number, columns: number],
  element: (row: number, column: number) => T,
): Elements<T> {
  const [rows, columns] = shape;
  return { shape, elements: range(rows).flatMap((b) => range(columns).map((n) => element(b, n))) };
}

/** Applies a function of rows along the last axis; `start` is the position of the row's first element. */
export function byRow<T>(x: Elements<T>, apply: (row: readonly T[], start: number) => readonly T[]): Elements<T> {
  const width = x.shape.at(-1) ?? 0;
  const rows = width === 0 ? 0 : x.elements.length / width;
  const row = (b: number): readonly T[] => apply(x.elements.slice(b * width, (b + 1) * width), b * width);
  return { shape: x.shape, elements: range(rows).flatMap(row) };
}
