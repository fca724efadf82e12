/**
 * Which integers cannot be negative, by their form alone: sizes, indices of threads and blocks, counters that start at
 * 0 or above, and what is added, multiplied, divided or chosen from such. The arithmetic does not wrap: that is proved.
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import type { Kernel, Stmt } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";

/** Whether the integer is ≥ 0 for every value of the kernel's inputs; `false` says nothing. */
export function isNonNegative(expr: Expr, locals: ReadonlySet<string>): boolean {
  const both = (left: Expr, right: Expr): boolean => isNonNegative(left, locals) && isNonNegative(right, locals);
  switch (expr.kind) {
    case "int":
      return expr.value >= 0n;
    case "dim":
    case "index":
      return true;
    case "local":
      return locals.has(expr.name);
    case "int-op":
      switch (expr.op) {
        case "add":
        case "mul":
        case "min":
          return both(expr.left, expr.right);
        case "max":
          return isNonNegative(expr.left, locals) || isNonNegative(expr.right, locals);
        case "div":
          // ⌊a / b⌋ ≥ 0 for a ≥ 0 and b > 0; that b > 0 is proved.
          return isNonNegative(expr.left, locals);
        case "mod":
          // a − b·⌊a / b⌋ lies in [0, b).
          return true;
        case "sub":
          return false;
        default:
          expr satisfies never;
          throw new InternalError("unknown integer operator");
      }
    case "random":
      return true;
    case "select":
      return both(expr.then, expr.else);
    case "float":
    case "bool":
    case "scalar":
    case "neg":
    case "not":
    case "float-op":
    case "compare":
    case "logic":
    case "call":
    case "cast":
    case "round":
    case "load":
    case "ghost":
      return false;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** The immutable locals and loop counters of a kernel that are ≥ 0. Names are unique, and stand before their uses. */
export function nonNegativeLocals(kernel: Kernel): ReadonlySet<string> {
  const found = new Set<string>();
  const visitAll = (body: readonly Stmt[]): void => {
    for (const stmt of body) visit(stmt);
  };
  const visit = (stmt: Stmt): void => {
    switch (stmt.kind) {
      case "let":
        if (!stmt.mutable && stmt.type === "int" && isNonNegative(stmt.value, found)) found.add(stmt.name);
        return;
      case "for":
        if (isNonNegative(stmt.lo, found)) found.add(stmt.counter);
        visitAll(stmt.body);
        return;
      case "steps":
        if (stmt.values.every((value) => value >= 0n)) found.add(stmt.counter);
        visitAll(stmt.body);
        return;
      case "if":
        visitAll(stmt.then);
        visitAll(stmt.else);
        return;
      case "assign":
      case "store":
      case "atomic":
      case "vector":
      case "fragment":
      case "mma":
      case "barrier":
        return;
      default:
        stmt satisfies never;
        throw new InternalError("unknown statement");
    }
  };
  visitAll(kernel.body);
  return found;
}
