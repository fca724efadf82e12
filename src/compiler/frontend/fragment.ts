/** Statements about fragments: `loadFragment(a[i], xs[row][k])` and `mma(acc[i][j], a[i], b[j])`. */

import { ts } from "ts-morph";
import { isFloat } from "../../ir/kernel/elements.ts";
import type { FragmentRole } from "../../ir/kernel/matrix.ts";
import type { LocalArray, RegisterRow, Stmt } from "../../ir/kernel/types.ts";
import { lowerElement } from "./element.ts";
import { lowerExpression } from "./expression.ts";
import { lowerRow } from "./row.ts";
import { quote, type Scope, skipParentheses } from "./scope.ts";

export function lowerLoadFragment(call: ts.CallExpression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const form = "write loadFragment(a[i], xs[row][k])";
  const [target, tile] = call.arguments;
  if (target === undefined || tile === undefined || call.arguments.length !== 2)
    return refuseCount(call, 2, form, scope);
  const row = fragmentRow(target, ["a", "b"], form, scope);
  const inner = skipParentheses(tile);
  if (!ts.isElementAccessExpression(inner)) {
    reporter.report("TK187", tile, `${quote(tile)} is no element of an array`, form);
    return [];
  }
  const place = lowerElement(inner, scope, lowerExpression);
  if (row === undefined || place === undefined) return [];
  const { array, index, element } = place;
  const refuse = (fact: string, fix: string): readonly Stmt[] => {
    reporter.report("TK187", tile, fact, fix);
    return [];
  };
  if (array.space === "register") {
    return refuse(`${quote(tile)} is in registers, which other lanes do not see`, "load it from shared memory");
  }
  if (index.length < 2) return refuse(`${array.name} has one axis, and a tile has rows`, "give it two axes");
  if (element !== row.array.element) {
    return refuse(
      `${array.name} holds ${element}, and ${row.array.name} ${row.array.element}`,
      isFloat(element) ? `declare fragment("${row.array.fragment}", ${element})` : "operands are of f16, bf16 or f32",
    );
  }
  return [{ kind: "fragment", target: row.row, array, index, span: reporter.spanOf(call) }];
}

export function lowerMma(call: ts.CallExpression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const form = "write mma(acc, a, b), which adds a · b to acc";
  const [first, second, third] = call.arguments;
  if (first === undefined || second === undefined || third === undefined || call.arguments.length !== 3) {
    return refuseCount(call, 3, form, scope);
  }
  const accumulator = fragmentRow(first, ["accumulator"], form, scope);
  const a = fragmentRow(second, ["a"], form, scope);
  const b = fragmentRow(third, ["b"], form, scope);
  if (accumulator === undefined || a === undefined || b === undefined) return [];
  if (a.array.element !== b.array.element) {
    const fact = `${a.array.name} holds ${a.array.element}, and ${b.array.name} ${b.array.element}`;
    reporter.report("TK187", call, fact, "let both operands be of one type");
    return [];
  }
  return [{ kind: "mma", accumulator: accumulator.row, a: a.row, b: b.row, span: reporter.spanOf(call) }];
}

function fragmentRow(
  node: ts.Expression,
  roles: readonly FragmentRole[],
  form: string,
  scope: Scope,
): { readonly row: RegisterRow; readonly array: LocalArray } | undefined {
  const found = lowerRow(node, "TK187", form, scope, lowerExpression);
  if (found === undefined) return undefined;
  const role = found.array.fragment;
  if (role !== undefined && roles.includes(role)) return found;
  const what = role === undefined ? "is no fragment" : `is a fragment of ${role}`;
  return scope.reporter.report("TK187", node, `${quote(node)} ${what}`, form);
}

function refuseCount(call: ts.CallExpression, count: number, form: string, { reporter }: Scope): readonly Stmt[] {
  const fact = `${quote(call.expression)} takes ${count} arguments, and is given ${call.arguments.length}`;
  reporter.report("TK169", call, fact, form);
  return [];
}
