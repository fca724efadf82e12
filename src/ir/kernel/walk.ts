/** Traversal of the kernel IR: the children of each node in evaluation order, and questions about blocks. */

import { InternalError } from "../../support/result.ts";
import type { Expr } from "./expr.ts";
import type { BarrierScope, Stmt } from "./types.ts";

/** The direct subexpressions, in evaluation order. */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
    case "dim":
    case "scalar":
    case "local":
    case "index":
      return [];
    case "neg":
    case "not":
    case "cast":
      return [expr.value];
    case "round":
      return expr.random === undefined ? [expr.value] : [expr.value, expr.random];
    case "random":
      return expr.args;
    case "int-op":
    case "float-op":
    case "compare":
    case "logic":
      return [expr.left, expr.right];
    case "select":
      return [expr.cond, expr.then, expr.else];
    case "call":
      return expr.args;
    case "load":
      return expr.index;
    case "ghost":
      return expr.args;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** Visits the expression and everything in it, outermost first. */
export function visitExpr(expr: Expr, visit: (expr: Expr) => void): void {
  visit(expr);
  for (const child of children(expr)) visitExpr(child, visit);
}

/** The expressions of the statement itself, in evaluation order; not those of nested statements. */
export function statementExprs(stmt: Stmt): readonly Expr[] {
  switch (stmt.kind) {
    case "let":
    case "assign":
      return [stmt.value];
    case "store":
    case "atomic":
      return [stmt.value, ...stmt.index];
    case "vector":
      return [...stmt.registers.index, ...stmt.index];
    case "fragment":
      return [...stmt.target.index, ...stmt.index];
    case "mma":
      return [stmt.accumulator, stmt.a, stmt.b].flatMap((row) => row.index);
    case "if":
      return [stmt.cond];
    case "for":
      return [stmt.lo, stmt.hi, ...stmt.invariants];
    case "steps":
    case "barrier":
      return [];
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/** The blocks directly inside the statement. */
export function nestedBlocks(stmt: Stmt): readonly (readonly Stmt[])[] {
  switch (stmt.kind) {
    case "if":
      return [stmt.then, stmt.else];
    case "for":
    case "steps":
      return [stmt.body];
    case "let":
    case "assign":
    case "store":
    case "atomic":
    case "vector":
    case "fragment":
    case "mma":
    case "barrier":
      return [];
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/** Visits every statement of the block and of the blocks inside it, in source order. */
export function visitStmts(body: readonly Stmt[], visit: (stmt: Stmt) => void): void {
  for (const stmt of body) {
    visit(stmt);
    for (const block of nestedBlocks(stmt)) visitStmts(block, visit);
  }
}

/** The names of the locals that the block assigns, wherever they are declared. */
export function assignedLocals(body: readonly Stmt[]): ReadonlySet<string> {
  const names = new Set<string>();
  visitStmts(body, (stmt) => {
    if (stmt.kind === "assign") names.add(stmt.name);
  });
  return names;
}

/** Whether there is a barrier in the block, of any scope or of the given one. */
export function containsBarrier(body: readonly Stmt[], scope?: BarrierScope): boolean {
  return body.some(
    (stmt) =>
      (stmt.kind === "barrier" && (scope === undefined || stmt.scope === scope)) ||
      nestedBlocks(stmt).some((block) => containsBarrier(block, scope)),
  );
}

/** Whether the block has statements that its threads run together: barriers, and what waves compute as one. */
export function runsTogether(body: readonly Stmt[]): boolean {
  return body.some(
    (stmt) =>
      stmt.kind === "barrier" ||
      stmt.kind === "fragment" ||
      stmt.kind === "mma" ||
      nestedBlocks(stmt).some((block) => runsTogether(block)),
  );
}
