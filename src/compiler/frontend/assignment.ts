/** Assignments to locals and array elements, in the plain and the compound forms. */

import { ts } from "ts-morph";
import { load } from "../../ir/kernel/build.ts";
import { type ElementType, isHalfElement } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { Stmt } from "../../ir/kernel/types.ts";
import { lowerElement } from "./element.ts";
import { lowerArithmetic, lowerExpression } from "./expression.ts";
import { halvesOf } from "./rounding.ts";
import { quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

const { SyntaxKind } = ts;

const TYPE_NAMES = { int: "an integer", f32: "a float", bool: "a boolean" } as const;
const COMPOUND: ReadonlyMap<ts.SyntaxKind, "add" | "sub" | "mul" | "div"> = new Map([
  [SyntaxKind.PlusEqualsToken, "add"],
  [SyntaxKind.MinusEqualsToken, "sub"],
  [SyntaxKind.AsteriskEqualsToken, "mul"],
  [SyntaxKind.SlashEqualsToken, "div"],
]);

export function lowerAssignment(node: ts.BinaryExpression, scope: Scope): readonly Stmt[] {
  const { reporter } = scope;
  const kind = node.operatorToken.kind;
  const op = COMPOUND.get(kind);
  if (kind !== SyntaxKind.EqualsToken && op === undefined) {
    const fact = `${node.operatorToken.getText()} is not in the language`;
    reporter.report("TK130", node, fact, `write ${quote(node.left)} = … in full`);
    return [];
  }
  const left = skipParentheses(node.left);
  const target = ts.isElementAccessExpression(left)
    ? elementTarget(left, scope)
    : ts.isIdentifier(left)
      ? localTarget(left, scope)
      : reporter.report("TK140", left, `${quote(left)} cannot be assigned to`, "assign to a local or an array element");
  const right = lowerExpression(node.right, scope);
  if (target === undefined || right === undefined) return [];
  const sides = [
    { node: left, value: target.current },
    { node: node.right, value: right },
  ] as const;
  if (target.current.type !== right.type) {
    refuseType(node, target.current, right, scope);
    return [];
  }
  const value = op === undefined ? right : lowerArithmetic(op, node, ...sides, scope);
  if (value === undefined) return [];
  const { element } = target;
  if (element !== undefined && isHalfElement(element) && !halvesOf(value, scope).includes(element)) {
    const [stored, whole] = [quote(node.right), quote(node)];
    const written = op === undefined ? stored : `${quote(left)} ${node.operatorToken.getText().slice(0, -1)} ${stored}`;
    const fact = `${whole} stores a float that is not rounded into ${element}`;
    reporter.report("TK182", node, fact, `write ${quote(left)} = ${element}(${written})`);
    return [];
  }
  return [target.assign(value)];
}

/** The target keeps its type, so that only the value can be converted. */
function refuseType(node: ts.BinaryExpression, target: Expr, value: Expr, scope: Scope): void {
  const [left, right] = [quote(node.left), quote(node.right)];
  const fact = `${left} holds ${TYPE_NAMES[target.type]}, and ${right} is ${TYPE_NAMES[value.type]}`;
  scope.reporter.report("TK160", node, fact, fixOfType(left, right, target, value));
}

function fixOfType(left: string, right: string, target: Expr, value: Expr): string {
  if (target.type === "f32" && value.type === "int") return `convert the integer: f32(${right})`;
  if (target.type === "int" && value.type === "f32") {
    return target.kind === "local"
      ? `start ${left} from a float, as in let ${left} = f32(0)`
      : "a float does not become an integer; store it in an array of f32";
  }
  if (value.type === "bool")
    return `choose a number by it: ${right} ? ${target.type === "int" ? "1 : 0" : "1.0 : 0.0"}`;
  return `give it a boolean, as in ${right} !== ${value.type === "int" ? "0" : "0.0"}`;
}

interface Target {
  /** Of an array's element. */
  readonly element?: ElementType;
  /** What it holds before. */
  readonly current: Expr;
  readonly assign: (value: Expr) => Stmt;
}

function elementTarget(node: ts.ElementAccessExpression, scope: Scope): Target | undefined {
  const { reporter } = scope;
  const element = lowerElement(node, scope, lowerExpression);
  if (element === undefined) return undefined;
  if (element.role === "input") {
    const fix = `declare ${element.array.name} as output or inout`;
    return reporter.report("TK141", node, `${quote(node)} writes the input ${element.array.name}`, fix);
  }
  const { array, index, type } = element;
  const span = reporter.spanOf(node);
  return {
    element: element.element,
    current: load(array, type, index, span),
    assign: (value) => ({ kind: "store", array, index, value, span }),
  };
}

function localTarget(node: ts.Identifier, scope: Scope): Target | undefined {
  const { reporter, program } = scope;
  const symbol = symbolOf(node, program.checker);
  const binding = symbol && scope.bindings.get(symbol);
  if (binding?.kind === "refused") return undefined;
  if (binding?.kind === "counter") {
    const fix = "count with another local, or change the loop's head";
    return reporter.report("TK138", node, `${node.text} is the counter of a loop`, fix);
  }
  if (binding?.kind !== "local" || !binding.mutable) {
    const fix = binding?.kind === "local" ? "declare it with let" : "assign to a local that is declared with let";
    return reporter.report("TK140", node, `${node.text} cannot be assigned to`, fix);
  }
  const current = lowerExpression(node, scope);
  const { name, type } = binding;
  const span = reporter.spanOf(node.parent);
  return current && { current, assign: (value) => ({ kind: "assign", name, type, value, span }) };
}
