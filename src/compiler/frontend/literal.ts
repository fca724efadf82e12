/**
 * Number literals. The text decides: with a point or an exponent it is a float, without it is an integer.
 * An integer keeps its exact value; a float is the nearest double, rounded to f32 when it is emitted.
 */

import type { ts } from "ts-morph";
import * as build from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { Scope } from "./scope.ts";

export function lowerNumber(node: ts.NumericLiteral, scope: Scope): Expr | undefined {
  const { reporter } = scope;
  const span = reporter.spanOf(node);
  const text = node.getText().replaceAll("_", "");
  if (/^0[xob]/i.test(text) || /^[0-9]+$/.test(text)) return build.int(BigInt(text), span);
  const value = Number(text);
  const held = Math.fround(value);
  if (Number.isFinite(held) && (held !== 0 || value === 0)) return build.float(value, span);
  const fact = `${text} is ${held === 0 ? "nearer to 0 than the smallest f32" : "larger than the largest f32"}`;
  return reporter.report("TK176", node, fact, "use a number between 1e-45 and 3.4e38");
}

/** An integer literal as the float of the same value; larger integers are converted at run time. */
export function literalToFloat(value: Expr, at: ts.Node, scope: Scope): Expr {
  const span = scope.reporter.spanOf(at);
  const exact = value.kind === "int" && BigInt.asIntN(54, value.value) === value.value;
  return exact ? build.float(Number(value.value), span) : build.castToFloat(value, span);
}
