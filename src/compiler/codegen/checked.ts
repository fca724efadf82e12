/**
 * Expressions over dimensions and scalars → C++ on the host, in checked 64-bit arithmetic.
 *
 * Integers become `tok::Int`, conditions `tok::Bool`; both know whether they could be computed, and a check that could
 * not be computed fails. Floats are plain: what they depend on is checked beside them (`premises`).
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import { InternalError } from "../../support/result.ts";
import { binary, braces, type CBinaryOp, type CExpr, call, member, unary } from "./c-ast.ts";
import { COMPARE_C, ELEMENT_C, FLOAT_FUNCTION_C, FLOAT_OP_C, literal } from "./expr.ts";

/** What stands for a dimension and for a scalar parameter. */
export interface CheckedNames {
  readonly dim: (name: string) => CExpr;
  readonly scalar: (name: string) => CExpr;
}

const INT_OP: Readonly<Record<"add" | "sub" | "mul" | "div" | "mod", CBinaryOp>> = {
  add: "+",
  sub: "-",
  mul: "*",
  // `tok::Int` rounds down.
  div: "/",
  mod: "%",
};

/** An integer over dimensions and scalars. */
export function checkedInt(expr: Expr, names: CheckedNames): CExpr {
  if (expr.type !== "int") throw new InternalError(`a ${expr.type} where a size is meant`);
  return lowerChecked(expr, names, []);
}

/** `tok::elements({B, K})` */
export function checkedElements(shape: readonly Expr[], names: CheckedNames): CExpr {
  return call("tok::elements", [braces(shape.map((extent) => checkedInt(extent, names)))]);
}

/** A condition, together with the premises that its floats depend on. */
export function checkedCondition(expr: Expr, names: CheckedNames): CExpr {
  if (expr.type !== "bool") throw new InternalError(`a ${expr.type} where a condition is meant`);
  const premises: CExpr[] = [];
  const condition = lowerChecked(expr, names, premises);
  return premises.reduceRight<CExpr>((right, left) => binary("&&", left, right), condition);
}

function lowerChecked(expr: Expr, names: CheckedNames, premises: CExpr[]): CExpr {
  const lower = (inner: Expr): CExpr => lowerChecked(inner, names, premises);
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
      return literal(expr);
    case "dim":
      return names.dim(expr.name);
    case "scalar":
      return names.scalar(expr.name);
    case "neg":
      return unary("-", lower(expr.value));
    case "not":
      return unary("!", lower(expr.value));
    case "int-op": {
      if (expr.op === "min" || expr.op === "max") return call(`tok::${expr.op}`, [lower(expr.left), lower(expr.right)]);
      const plain = expr.left.kind === "int" && expr.right.kind === "int";
      const left = plain ? call("tok::Int", [lower(expr.left)]) : lower(expr.left);
      return binary(INT_OP[expr.op], left, lower(expr.right));
    }
    case "float-op":
      return binary(FLOAT_OP_C[expr.op], lower(expr.left), lower(expr.right));
    case "compare":
      return binary(COMPARE_C[expr.op], lower(expr.left), lower(expr.right));
    case "logic":
      return binary(expr.op === "and" ? "&&" : "||", lower(expr.left), lower(expr.right));
    case "select": {
      const cond = lower(expr.cond);
      const [then, otherwise] = [lower(expr.then), lower(expr.else)];
      if (expr.type === "f32") {
        const told = call("tok::Bool", [cond]);
        premises.push(call("tok::defined", [told]));
        return { kind: "conditional", cond: member(told, "value"), then, else: otherwise };
      }
      const wrap = expr.type === "int" ? "tok::Int" : "tok::Bool";
      return call("tok::select", [cond, call(wrap, [then]), call(wrap, [otherwise])]);
    }
    case "call": {
      const types = expr.fn === "min" || expr.fn === "max" ? [ELEMENT_C.f32] : [];
      return call(FLOAT_FUNCTION_C[expr.fn], expr.args.map(lower), types);
    }
    case "cast": {
      const value = call("tok::Int", [lower(expr.value)]);
      premises.push(call("tok::defined", [value]));
      return call("tok::to_float", [value]);
    }
    case "round":
    case "random":
    case "local":
    case "index":
    case "load":
    case "ghost":
      throw new InternalError(`a launcher cannot evaluate a ${expr.kind}`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}
