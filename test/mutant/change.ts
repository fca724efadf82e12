/**
 * Single changes of kernel IR: a rule for one node → every expression, block or kernel that differs at one such node.
 *
 * A rule says what a node may become. The functions here put each result back into what is around the node, through the
 * builders, so that a change of the source in the same place would give the same kernel.
 */

import {
  call,
  castToFloat,
  compare,
  floatOp,
  ghost,
  intOp,
  load,
  logic,
  neg,
  not,
  random,
  round,
  select,
} from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import { printExpr } from "../../src/ir/kernel/print.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { children } from "../../src/ir/kernel/walk.ts";
import { InternalError } from "../../src/support/result.ts";
import type { Span } from "../../src/support/span.ts";

/** Something that differs from its original in one place. */
export interface Change<T> {
  readonly value: T;
  /** What was done, with the source text before and after. */
  readonly description: string;
  /** The place of the change in the source. */
  readonly span: Span;
}

export type ExprRule = (expr: Expr) => readonly Change<Expr>[];
/** A statement becomes a sequence of statements. */
export type StmtRule = (stmt: Stmt) => readonly Change<readonly Stmt[]>[];

/** The node becomes another expression: `k < K becomes k <= K`. */
export function becomes(before: Expr, after: Expr): Change<Expr> {
  return { value: after, description: `${printExpr(before)} becomes ${printExpr(after)}`, span: before.span };
}

export function mapChange<A, B>({ value, ...rest }: Change<A>, map: (value: A) => B): Change<B> {
  return { ...rest, value: map(value) };
}

/** Every expression that differs from this one in one node to which the rule applies. */
export function changesOfExpr(expr: Expr, rule: ExprRule): readonly Change<Expr>[] {
  const parts = children(expr);
  const inside = parts.flatMap((part, position) =>
    changesOfExpr(part, rule).map((change) =>
      mapChange(change, (value) =>
        withChildren(
          expr,
          parts.map((other, at) => (at === position ? value : other)),
        ),
      ),
    ),
  );
  return [...rule(expr), ...inside];
}

/** Every block that differs from this one in one statement to which the rule applies, however deep. */
export function changesOfBlock(body: readonly Stmt[], rule: StmtRule): readonly Change<readonly Stmt[]>[] {
  return body.flatMap((stmt, at) => {
    const put = (stmts: readonly Stmt[]): readonly Stmt[] => [...body.slice(0, at), ...stmts, ...body.slice(at + 1)];
    const nested = changesOfNested(stmt, rule).map((change) => mapChange(change, (value) => [value]));
    return [...rule(stmt), ...nested].map((change) => mapChange(change, put));
  });
}

function changesOfNested(stmt: Stmt, rule: StmtRule): readonly Change<Stmt>[] {
  switch (stmt.kind) {
    case "if":
      return [
        ...changesOfBlock(stmt.then, rule).map((change) => mapChange(change, (then): Stmt => ({ ...stmt, then }))),
        ...changesOfBlock(stmt.else, rule).map((change) =>
          mapChange(change, (otherwise): Stmt => ({ ...stmt, else: otherwise })),
        ),
      ];
    case "for":
    case "steps":
      return changesOfBlock(stmt.body, rule).map((change) => mapChange(change, (body): Stmt => ({ ...stmt, body })));
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

/** Every statement that differs from this one in one of its own expressions; invariants are specification and stay. */
export function changesInStmt(stmt: Stmt, rule: ExprRule): readonly Change<readonly Stmt[]>[] {
  const at = (expr: Expr, put: (expr: Expr) => Stmt): readonly Change<readonly Stmt[]>[] =>
    changesOfExpr(expr, rule).map((change) => mapChange(change, (value) => [put(value)]));
  const atEach = (index: readonly Expr[], put: (index: readonly Expr[]) => Stmt): readonly Change<readonly Stmt[]>[] =>
    index.flatMap((expr, axis) => at(expr, (value) => put(index.map((other, i) => (i === axis ? value : other)))));
  switch (stmt.kind) {
    case "let":
    case "assign":
      return at(stmt.value, (value) => ({ ...stmt, value }));
    case "store":
    case "atomic":
      return [
        ...atEach(stmt.index, (index) => ({ ...stmt, index })),
        ...at(stmt.value, (value) => ({ ...stmt, value })),
      ];
    case "vector":
      return atEach(stmt.index, (index) => ({ ...stmt, index }));
    case "fragment":
      return [
        ...atEach(stmt.target.index, (index) => ({ ...stmt, target: { ...stmt.target, index } })),
        ...atEach(stmt.index, (index) => ({ ...stmt, index })),
      ];
    case "mma":
      return (["accumulator", "a", "b"] as const).flatMap((row) =>
        atEach(stmt[row].index, (index) => ({ ...stmt, [row]: { ...stmt[row], index } })),
      );
    case "if":
      return at(stmt.cond, (cond) => ({ ...stmt, cond }));
    case "for":
      return [...at(stmt.lo, (lo) => ({ ...stmt, lo })), ...at(stmt.hi, (hi) => ({ ...stmt, hi }))];
    case "steps":
    case "barrier":
      return [];
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/** The kernel with another body. */
export function withBody(kernel: Kernel, body: readonly Stmt[]): Kernel {
  return { ...kernel, body };
}

/** The same node with other children, in the order of `children`. */
function withChildren(expr: Expr, parts: readonly Expr[]): Expr {
  const [a, b, c] = parts;
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
    case "dim":
    case "scalar":
    case "local":
    case "index":
      return expr;
    case "neg":
      return neg(given(a), expr.span);
    case "not":
      return not(given(a), expr.span);
    case "cast":
      return castToFloat(given(a), expr.span);
    case "round":
      return round(expr.to, given(a), b, expr.span);
    case "random":
      return random(parts, expr.span);
    case "int-op":
      return intOp(expr.op, given(a), given(b), expr.span);
    case "float-op":
      return floatOp(expr.op, given(a), given(b), expr.span);
    case "compare":
      return compare(expr.op, given(a), given(b), expr.span);
    case "logic":
      return logic(expr.op, given(a), given(b), expr.span);
    case "select":
      return select(given(a), given(b), given(c), expr.span);
    case "call":
      return call(expr.fn, parts, expr.span);
    case "load":
      return load(expr.array, expr.type, parts, expr.span);
    case "ghost":
      return ghost(expr.fn, expr.array, parts, expr.span);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function given(expr: Expr | undefined): Expr {
  if (expr === undefined) throw new InternalError("a node without a child");
  return expr;
}
