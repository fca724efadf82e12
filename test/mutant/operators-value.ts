/** Mutation operators on values: every access is right, and the result is not. */

import { add, call, float, floatOp, int, intOp } from "../../src/ir/kernel/build.ts";
import type { Expr, FloatOp } from "../../src/ir/kernel/expr.ts";
import { printExpr } from "../../src/ir/kernel/print.ts";
import type { AtomicOp, Stmt } from "../../src/ir/kernel/types.ts";
import { becomes, type ExprRule } from "./change.ts";
import { type Operator, onExprs, onStmts } from "./operator.ts";

const INVERSE: Readonly<Record<"add" | "sub", "add" | "sub">> = { add: "sub", sub: "add" };
const INVERSE_FLOAT: Readonly<Record<FloatOp, FloatOp>> = { ...INVERSE, mul: "div", div: "mul" };

const inverse: ExprRule = (expr) => {
  if (expr.kind === "float-op") {
    return [becomes(expr, floatOp(INVERSE_FLOAT[expr.op], expr.left, expr.right, expr.span))];
  }
  if (expr.kind !== "int-op" || (expr.op !== "add" && expr.op !== "sub")) return [];
  return [becomes(expr, intOp(INVERSE[expr.op], expr.left, expr.right, expr.span))];
};

/** `a + b` with b once more, `fma(a, b, c)` with a·b once more. */
const termTwice: ExprRule = (expr) => {
  if (expr.kind === "float-op" && expr.op === "add") {
    return [becomes(expr, floatOp("add", expr, expr.right, expr.span))];
  }
  if (expr.kind === "int-op" && expr.op === "add") {
    return [becomes(expr, add(expr, expr.right, expr.span))];
  }
  if (expr.kind !== "call" || expr.fn !== "fma") return [];
  const [a, b] = expr.args;
  return a === undefined || b === undefined ? [] : [becomes(expr, call("fma", [a, b, expr], expr.span))];
};

/** `a + b` without b, `fma(a, b, c)` without c. */
const termDropped: ExprRule = (expr) => {
  if (expr.kind === "float-op" && (expr.op === "add" || expr.op === "sub")) return [becomes(expr, expr.left)];
  if (expr.kind !== "call" || expr.fn !== "fma") return [];
  const [a, b] = expr.args;
  return a === undefined || b === undefined ? [] : [becomes(expr, floatOp("mul", a, b, expr.span))];
};

const minMax: ExprRule = (expr) => {
  if (expr.kind === "call" && (expr.fn === "min" || expr.fn === "max")) {
    return [becomes(expr, call(expr.fn === "min" ? "max" : "min", expr.args, expr.span))];
  }
  if (expr.kind !== "int-op" || (expr.op !== "min" && expr.op !== "max")) return [];
  return [becomes(expr, intOp(expr.op === "min" ? "max" : "min", expr.left, expr.right, expr.span))];
};

const OTHER_ATOMIC: Readonly<Record<AtomicOp, AtomicOp>> = { add: "max", min: "max", max: "min" };

/** 0 becomes 1, and everything else 0. */
function otherStart(value: Expr): Expr {
  if (value.type === "f32") return float(value.kind === "float" && value.value === 0 ? 1 : 0, value.span);
  return int(value.kind === "int" && value.value === 0n ? 1 : 0, value.span);
}

export const VALUE_OPERATORS: readonly Operator[] = [
  onExprs("plus-minus", inverse),
  onExprs("term-twice", termTwice),
  onExprs("term-dropped", termDropped),
  onExprs("min-max", minMax),
  onStmts("min-max", (stmt) =>
    stmt.kind !== "atomic"
      ? []
      : [
          {
            value: [{ ...stmt, op: OTHER_ATOMIC[stmt.op] }],
            description: `atomic ${stmt.op} of ${stmt.array.name} becomes ${OTHER_ATOMIC[stmt.op]}`,
            span: stmt.span,
          },
        ],
  ),
  onStmts("accumulator-start", (stmt) => {
    if (stmt.kind !== "let" || !stmt.mutable || stmt.type === "bool") return [];
    const value = otherStart(stmt.value);
    const started: Stmt = { ...stmt, value };
    const description = `${stmt.name} starts at ${printExpr(value)} and not at ${printExpr(stmt.value)}`;
    return [{ value: [started], description, span: stmt.span }];
  }),
];
