/**
 * Arithmetic: what the definition of an operation is written in, so that it is written once.
 *
 * The reference evaluator takes numbers with error bounds for `T` (`bounded-number.ts`), the equivalence check expressions
 * over the reals. A definition says what the result is, not in which order a kernel adds.
 */

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
  readonly call: (fn: "exp" | "erf" | "tanh" | "sqrt", value: T) => T;
  /** `yes` where `condition` is not 0, else `no`; the branch that is not taken does not count. */
  readonly whereNonZero: (condition: T, yes: T, no: T) => T;
}

/** Row-major. */
export interface Elements<T> {
  readonly shape: readonly number[];
  readonly elements: readonly T[];
}

export interface DefinitionContext<T> {
  readonly arithmetic: Arithmetic<T>;
  /** As the operation takes it, where it does. */
  readonly epsilon: T;
}

/** Operands come in the order of `operandsOf`, with shapes that `shapeOf` accepts. */
export type Definition<K extends OpKind> = <T>(
  op: Op<K>,
  operands: readonly Elements<T>[],
  context: DefinitionContext<T>,
) => Elements<T>;
