/**
 * The symbolic machine: the state of one launch at one shape, with floats as expressions over the inputs.
 *
 * - A *value* is an expression's number for a float, a number for an integer and a boolean for a condition; an integer or
 *   a condition that depends on floats is `Symbolic`. Types decide which, so that a float's number is never read as an
 *   integer.
 * - A *column* holds a value for each thread of the block, by the thread's number; *lanes* are the threads that run.
 * - A *guard* is the condition on floats under which a lane runs: `true`, or `Symbolic`.
 */

import { type ElementType, isFloat, type ScalarType } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { Kernel, Stmt, Triple } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import type { Real, Reals } from "./reals.ts";

/** An integer, or 0 or 1 for a condition, as an expression. */
export class Symbolic {
  readonly real: Real;

  constructor(real: Real) {
    this.real = real;
  }
}

export type Value = number | boolean | Symbolic;
export type Column = readonly Value[];

/** `before + Σ left[k] · right[k]` of floats: an element of memory that is multiplied out when it is read. */
export class Pending {
  readonly before: Value | Pending | undefined;
  readonly left: readonly Value[];
  readonly right: readonly Value[];

  constructor(before: Value | Pending | undefined, left: readonly Value[], right: readonly Value[]) {
    this.before = before;
    this.left = left;
    this.right = right;
  }
}

/** Symbolic execution does not cover what the kernel does: nothing is said of it. */
export class Unsupported extends Error {
  readonly span: Span;

  constructor(message: string, span: Span) {
    super(message);
    this.span = span;
  }
}

export interface Memory {
  readonly name: string;
  /** Where it is declared. */
  readonly span: Span;
  readonly element: ElementType;
  readonly shape: readonly number[];
  /** Elements of one thread's array, or of the one that all share. */
  readonly size: number;
  readonly perThread: boolean;
  readonly values: (Value | Pending)[];
  /** Who wrote the element last. */
  readonly writers: (Stmt | undefined)[];
}

/** What has been executed at any shape: statements, and the arms of choices. */
export type Reached = Set<Stmt | Expr>;

/** Elements of work that are left, over all shapes. */
export interface Budget {
  left: number;
}

export interface Machine {
  readonly kernel: Kernel;
  readonly reals: Reals;
  readonly dims: Readonly<Record<string, number>>;
  readonly scalars: ReadonlyMap<string, Value>;
  readonly memories: ReadonlyMap<string, Memory>;
  readonly threads: number;
  /** By axis, and then by thread. */
  readonly threadIndex: Triple<Column>;
  /** Columns that assignments change. */
  readonly locals: Map<string, Value[]>;
  readonly localTypes: Map<string, ScalarType>;
  block: Triple<number>;
  readonly reached: Reached;
  readonly budget: Budget;
}

export function newMemory(
  { name, element, span }: { readonly name: string; readonly element: ElementType; readonly span: Span },
  shape: readonly number[],
  perThread: number | undefined,
): Memory {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const total = size * (perThread ?? 1);
  return {
    name,
    span,
    element,
    shape,
    size,
    perThread: perThread !== undefined,
    values: new Array<Value | Pending>(total).fill(0),
    writers: new Array<Stmt | undefined>(total).fill(undefined),
  };
}

/** Nothing has been written to the memory. */
export function forget(machine: Machine, memory: Memory): void {
  const real = machine.reals.unknown(`${memory.name} before it is written`);
  memory.values.fill(isFloat(memory.element) ? real : new Symbolic(real));
  memory.writers.fill(undefined);
}

/** The value of an element, `undefined` for none; what is pending is computed, and kept. */
export function valueAt(machine: Machine, memory: Memory, place: number): Value | undefined {
  const value = memory.values[place];
  if (!(value instanceof Pending)) return value;
  const settled = settle(machine, value, memory.span);
  memory.values[place] = settled;
  return settled;
}

function settle(machine: Machine, pending: Pending, span: Span): Real {
  const { reals } = machine;
  const steps: Pending[] = [];
  let value: Value | Pending | undefined = pending;
  while (value instanceof Pending) {
    steps.push(value);
    value = value.before;
  }
  const float = (own: Value | undefined): Real => {
    if (typeof own !== "number") throw new InternalError("a float that is no number");
    return own;
  };
  let sum = float(value);
  for (const { left, right } of steps.reverse()) {
    spend(machine, left.length, span);
    for (const [k, own] of left.entries()) sum = reals.add(sum, reals.multiply(float(own), float(right[k])));
  }
  return sum;
}

/** The value of an element that is not there. */
export function outOfBounds({ reals }: Machine, { name, element }: Memory): Value {
  const real = reals.unknown(`${name} out of bounds`);
  return isFloat(element) ? real : new Symbolic(real);
}

export function memoryOf(machine: Machine, name: string): Memory {
  const memory = machine.memories.get(name);
  if (memory === undefined) throw new InternalError(`there is no array ${name}`);
  return memory;
}

/** A number that is a float's expression, or an integer known by its type to be one. */
export function numberOf(value: Value | undefined): number {
  if (typeof value !== "number") throw new InternalError("a value that is no number");
  return value;
}

export function numberAt(column: Column, lane: number): number {
  return numberOf(column[lane]);
}

/** An integer or a condition as an expression. */
export function lift(reals: Reals, value: Value | undefined): Real {
  if (value instanceof Symbolic) return value.real;
  if (typeof value === "number") return reals.constant(value);
  return value === true ? reals.one : reals.zero;
}

/** An integer or a condition, known where the expression is constant. */
export function lower(reals: Reals, real: Real, type: "int" | "bool"): Value {
  const value = reals.valueOf(real);
  if (typeof value !== "number") return new Symbolic(real);
  return type === "bool" ? value !== 0 : value;
}

/** `then` where the condition holds, `otherwise` elsewhere. */
export function choose(
  reals: Reals,
  type: ScalarType,
  condition: Value | undefined,
  then: Value | undefined,
  otherwise: Value | undefined,
): Value {
  if (then === undefined || otherwise === undefined) throw new InternalError("a choice between nothing");
  if (condition === true || then === otherwise) return then;
  if (condition === false) return otherwise;
  if (type === "f32") {
    if (typeof then !== "number" || typeof otherwise !== "number") throw new InternalError("a float that is no number");
    return reals.select(lift(reals, condition), then, otherwise);
  }
  return lower(reals, reals.select(lift(reals, condition), lift(reals, then), lift(reals, otherwise)), type);
}

/** Pays for work on this many lanes. */
export function spend(machine: Machine, lanes: number, span: Span): void {
  machine.budget.left -= lanes;
  if (machine.budget.left < 0) throw new Unsupported("there is too much to execute", span);
}
