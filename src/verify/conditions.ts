/**
 * Conditions on data of which only a part is known: an expression, variables and some elements in; its value out.
 *
 * `undefined` is a value that depends on elements that are not known yet. An element outside its array, or a division by a
 * value ≤ 0, has no value (`NoValue`), and neither has a condition that needs it.
 */

import { foldCompare, foldInt } from "../ir/kernel/build.ts";
import type { Expr, GhostExpr } from "../ir/kernel/expr.ts";
import { InternalError } from "../support/result.ts";

/** Row-major; `undefined` is not known yet. */
export interface PartialTensor {
  readonly shape: readonly number[];
  readonly cells: (number | undefined)[];
}

export interface Known {
  readonly tensors: ReadonlyMap<string, PartialTensor>;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly variables: ReadonlyMap<string, number>;
}

export class NoValue extends Error {}

/** Whether the condition holds; one without a value does not. */
export function holds(condition: Expr, known: Known): boolean | undefined {
  try {
    const value = evaluate(condition, known);
    return typeof value === "number" ? undefined : value;
  } catch (cause) {
    if (cause instanceof NoValue) return false;
    throw cause;
  }
}

type Value = number | boolean | undefined;

function evaluate(expr: Expr, known: Known): Value {
  switch (expr.kind) {
    case "int":
      return Number(expr.value);
    case "float":
    case "bool":
      return expr.value;
    case "dim":
      return Number(known.dims[expr.name]);
    case "scalar":
      return known.scalars[expr.name];
    case "local":
      return known.variables.get(expr.name);
    case "neg": {
      const value = evaluate(expr.value, known);
      return typeof value === "number" ? -value : undefined;
    }
    case "not": {
      const value = evaluate(expr.value, known);
      return typeof value === "boolean" ? !value : undefined;
    }
    case "int-op": {
      const [left, right] = [evaluate(expr.left, known), evaluate(expr.right, known)];
      if (typeof left !== "number" || typeof right !== "number") return undefined;
      if ((expr.op === "div" || expr.op === "mod") && right <= 0) throw new NoValue();
      return Number(foldInt(expr.op, BigInt(left), BigInt(right)));
    }
    case "compare": {
      const [left, right] = [evaluate(expr.left, known), evaluate(expr.right, known)];
      return typeof left === "number" && typeof right === "number" ? foldCompare(expr.op, left, right) : undefined;
    }
    case "logic": {
      const decided = expr.op === "or";
      const left = evaluate(expr.left, known);
      if (left === decided) return decided;
      // What stands to the right may have no value where the left decides.
      if (left === undefined) return undefined;
      return evaluate(expr.right, known);
    }
    case "select": {
      const condition = evaluate(expr.cond, known);
      return typeof condition === "boolean" ? evaluate(condition ? expr.then : expr.else, known) : undefined;
    }
    case "load":
      return loaded(expr.array.name, expr.index, known);
    case "ghost":
      return evaluateGhost(expr, known);
    case "cast":
    case "round":
    case "random":
    case "float-op":
    case "call":
    case "index":
      throw new InternalError(`${expr.kind} in a condition on data`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function tensorOf(name: string, { tensors }: Known): PartialTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new InternalError(`no contents of ${name}`);
  return tensor;
}

function loaded(name: string, index: readonly Expr[], known: Known): Value {
  const { shape, cells } = tensorOf(name, known);
  let address = 0;
  for (const [axis, expr] of index.entries()) {
    const at = evaluate(expr, known);
    if (typeof at !== "number") return undefined;
    const extent = shape[axis] ?? 0;
    if (at < 0 || at >= extent) throw new NoValue();
    address = address * extent + at;
  }
  return cells[address];
}

function evaluateGhost(expr: GhostExpr, known: Known): Value {
  const { cells } = tensorOf(expr.array.name, known);
  const [end, wanted] = expr.args.map((argument) => evaluate(argument, known));
  if (typeof end !== "number") return undefined;
  if (end < 0 || end > cells.length) throw new NoValue();
  const counted = cells.slice(0, end);
  if (counted.includes(undefined)) return undefined;
  switch (expr.fn) {
    case "prefix-sum":
      return counted.reduce((sum: number, value) => sum + (value ?? 0), 0);
    case "occurrences":
      return typeof wanted === "number" ? counted.filter((value) => value === wanted).length : undefined;
    case "below":
      return typeof wanted === "number" ? counted.filter((value) => (value ?? 0) < wanted).length : undefined;
    default:
      expr.fn satisfies never;
      throw new InternalError("unknown ghost function");
  }
}
