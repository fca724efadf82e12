/** Rows of register arrays: `v`, or `acc[i][j]` with an index for each axis but the last. */

import { ts } from "ts-morph";
import type { LocalArray, RegisterRow } from "../../ir/kernel/types.ts";
import { type LowerExpression, lowerIndices, plural } from "./element.ts";
import { quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

/** The row, with its array; what is none is reported with `code`. */
export function lowerRow(
  node: ts.Expression,
  code: "TK187" | "TK195",
  fix: string,
  scope: Scope,
  lower: LowerExpression,
): { readonly row: RegisterRow; readonly array: LocalArray } | undefined {
  const { reporter, program } = scope;
  const indices: ts.Expression[] = [];
  let base = skipParentheses(node);
  while (ts.isElementAccessExpression(base)) {
    indices.unshift(base.argumentExpression);
    base = skipParentheses(base.expression);
  }
  const symbol = ts.isIdentifier(base) ? symbolOf(base, program.checker) : undefined;
  const binding = symbol && scope.bindings.get(symbol);
  if (binding?.kind === "refused") return undefined;
  if (binding?.kind !== "array" || binding.array.space !== "register") {
    return reporter.report(code, node, `${quote(node)} is not a register array`, fix);
  }
  const { array } = binding;
  const outer = array.shape.length - 1;
  if (indices.length !== outer) {
    const fact =
      indices.length > outer
        ? `${quote(node)} is one element, and a row is all of the last axis`
        : `${quote(node)} has ${plural(array.shape.length - indices.length, "axis", "axes")}, and a row has one`;
    return reporter.report(code, node, fact, fix);
  }
  const index = lowerIndices(indices, array.name, scope, lower);
  return index && { row: { array: array.name, index }, array };
}
