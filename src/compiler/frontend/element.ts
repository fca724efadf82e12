/**
 * Array elements: `x[b][k]`, read or written, with one integer index per axis.
 *
 * An index of a register array is known at compile time: constants, and counters of loops with constant bounds. Such a
 * loop is marked, so that the emitter unrolls it and the array becomes registers.
 */

import { ts } from "ts-morph";
import { type ElementType, type ScalarType, valueType } from "../../ir/kernel/elements.ts";
import type { ArrayRef, Expr } from "../../ir/kernel/expr.ts";
import type { Role } from "../../ir/kernel/types.ts";
import { RESERVED_NAMES } from "./codes.ts";
import { dslName, quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

export type LowerExpression = (node: ts.Expression, scope: Scope) => Expr | undefined;

export interface ElementPlace {
  readonly array: ArrayRef;
  readonly element: ElementType;
  /** The type of the element's value. */
  readonly type: ScalarType;
  readonly index: readonly Expr[];
  /** Of a tensor parameter; `undefined` for shared and register arrays, which are read and written. */
  readonly role: Role | undefined;
}

export function lowerElement(
  node: ts.ElementAccessExpression,
  scope: Scope,
  lower: LowerExpression,
): ElementPlace | undefined {
  const { reporter } = scope;
  const { base, indices } = indexChain(node);
  const array = resolveArray(base, scope);
  if (array === undefined) {
    for (const expression of indices) lowerIndex(expression, scope, lower);
    return undefined;
  }
  const rank = array.rank;
  if (indices.length !== rank) {
    const fact = `${quote(node)} has ${plural(indices.length, "index", "indices")}, and ${array.ref.name} has ${plural(rank, "axis", "axes")}`;
    const fix = `give one index per axis: ${quote(base)}${"[…]".repeat(rank)}`;
    for (const expression of indices) lowerIndex(expression, scope, lower);
    return reporter.report("TK173", node, fact, fix);
  }
  const { ref, element, role } = array;
  const index = lowerIndices(indices, ref.space === "register" ? ref.name : undefined, scope, lower);
  if (index === undefined) return undefined;
  if (array.operand) {
    const fact = `${quote(node)} is an element of an operand, which loadFragment writes and mma reads`;
    return reporter.report("TK187", node, fact, "compute with it before it is stored to the tile");
  }
  return { array: ref, element, type: valueType(element), index, role };
}

/** One integer per expression; those of the register array `registers` are known at compile time. */
export function lowerIndices(
  indices: readonly ts.Expression[],
  registers: string | undefined,
  scope: Scope,
  lower: LowerExpression,
): readonly Expr[] | undefined {
  const index = indices.map((expression) => lowerIndex(expression, scope, lower));
  const found = index.filter((value) => value !== undefined);
  if (found.length !== indices.length) return undefined;
  for (const [i, value] of found.entries()) {
    const at = indices[i];
    if (registers === undefined || at === undefined || markCompileTime(value, scope)) continue;
    const fact = `${quote(at)} is not known at compile time, so ${registers} cannot be in registers`;
    const fix = "index with constants and counters of loops from a constant to a constant, or use shared(…)";
    return scope.reporter.report("TK175", at, fact, fix);
  }
  return found;
}

function indexChain(node: ts.ElementAccessExpression): {
  readonly base: ts.Expression;
  readonly indices: readonly ts.Expression[];
} {
  const indices: ts.Expression[] = [];
  let base: ts.Expression = node;
  while (ts.isElementAccessExpression(base)) {
    indices.unshift(base.argumentExpression);
    base = skipParentheses(base.expression);
  }
  return { base, indices };
}

function resolveArray(base: ts.Expression, scope: Scope) {
  const { program, reporter } = scope;
  const symbol = ts.isIdentifier(base) ? symbolOf(base, program.checker) : undefined;
  const binding = symbol && scope.bindings.get(symbol);
  switch (binding?.kind) {
    case "refused":
      return undefined;
    case "tensor": {
      const { name, element, role, shape } = binding.param;
      const ref: ArrayRef = { space: "global", name };
      return { ref, element, rank: shape.length, role, operand: false };
    }
    case "array": {
      const { name, element, space, shape, fragment } = binding.array;
      const ref: ArrayRef = { space, name };
      const operand = fragment === "a" || fragment === "b";
      return { ref, element, rank: shape.length, role: undefined, operand };
    }
    default: {
      const reserved = RESERVED_NAMES.get(dslName(base, program) ?? "");
      if (reserved) {
        return reporter.report(reserved.code, base, `${quote(base)} is reserved, not built yet`, reserved.fix);
      }
      const fix = "index a tensor parameter, or an array made by shared(…) or registers(…)";
      return reporter.report("TK173", base, `${quote(base)} is not an array of the kernel`, fix);
    }
  }
}

function lowerIndex(node: ts.Expression, scope: Scope, lower: LowerExpression): Expr | undefined {
  const value = lower(node, scope);
  if (value === undefined || value.type === "int") return value;
  const type = value.type === "f32" ? "a float" : "a boolean";
  return scope.reporter.report("TK174", node, `the index ${quote(node)} is ${type}`, "index with an integer");
}

/** Whether a register index is known at compile time; if so, its counters' loops are marked to be unrolled. */
function markCompileTime(value: Expr, scope: Scope): boolean {
  switch (value.kind) {
    case "int":
      return true;
    case "local": {
      const loop = scope.constantLoops.get(value.name);
      if (loop !== undefined) loop.unroll = true;
      return loop !== undefined;
    }
    case "int-op":
      return markCompileTime(value.left, scope) && markCompileTime(value.right, scope);
    case "neg":
      return markCompileTime(value.value, scope);
    default:
      return false;
  }
}

export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
