/**
 * TypeScript expressions → kernel IR expressions, with their types.
 *
 * A `Value` is `undefined` where the expression was refused; the refusal has then been reported, and whoever uses the
 * value says nothing more. Types are inferred from the leaves up: nothing converts by itself.
 */

import { ts } from "ts-morph";
import * as build from "../../ir/kernel/build.ts";
import type { Axis, CompareOp, Expr } from "../../ir/kernel/expr.ts";
import { lowerCall, refuseMath } from "./call.ts";
import { RESERVED_NAMES } from "./codes.ts";
import { lowerElement } from "./element.ts";
import { mayExpand } from "./expand.ts";
import { lowerNumber } from "./literal.ts";
import { lowerMatrixProperty } from "./matrix.ts";
import { type Binding, isAssignment, moduleNameOf, quote, type Scope, symbolOf } from "./scope.ts";
import { lowerSimdProperty } from "./simd.ts";

export type Value = Expr | undefined;

const { SyntaxKind } = ts;

const COMPARE: ReadonlyMap<ts.SyntaxKind, CompareOp> = new Map([
  [SyntaxKind.LessThanToken, "lt"],
  [SyntaxKind.LessThanEqualsToken, "le"],
  [SyntaxKind.GreaterThanToken, "gt"],
  [SyntaxKind.GreaterThanEqualsToken, "ge"],
  [SyntaxKind.EqualsEqualsEqualsToken, "eq"],
  [SyntaxKind.ExclamationEqualsEqualsToken, "ne"],
]);

const ARITHMETIC: ReadonlyMap<ts.SyntaxKind, "add" | "sub" | "mul" | "div"> = new Map([
  [SyntaxKind.PlusToken, "add"],
  [SyntaxKind.MinusToken, "sub"],
  [SyntaxKind.AsteriskToken, "mul"],
  [SyntaxKind.SlashToken, "div"],
]);

const BIT_OPERATORS: ReadonlySet<ts.SyntaxKind> = new Set([
  SyntaxKind.AmpersandToken,
  SyntaxKind.BarToken,
  SyntaxKind.CaretToken,
  SyntaxKind.TildeToken,
  SyntaxKind.LessThanLessThanToken,
  SyntaxKind.GreaterThanGreaterThanToken,
  SyntaxKind.GreaterThanGreaterThanGreaterThanToken,
]);

const BIT_FIX = "use div, mod and * by a power of two, or &&, || and ! on conditions";
const TYPE_NAMES = { int: "an integer", f32: "a float", bool: "a boolean" } as const;

export function lowerExpression(node: ts.Expression, scope: Scope): Value {
  const { reporter } = scope;
  const span = reporter.spanOf(node);
  if (ts.isParenthesizedExpression(node)) return lowerExpression(node.expression, scope);
  if (ts.isNumericLiteral(node)) return lowerNumber(node, scope);
  if (node.kind === SyntaxKind.TrueKeyword) return build.bool(true, span);
  if (node.kind === SyntaxKind.FalseKeyword) return build.bool(false, span);
  if (ts.isIdentifier(node)) return lowerIdentifier(node, scope);
  if (ts.isPropertyAccessExpression(node)) return lowerProperty(node, scope);
  if (ts.isElementAccessExpression(node)) {
    const element = lowerElement(node, scope, lowerExpression);
    return element && build.load(element.array, element.type, element.index, span);
  }
  if (ts.isCallExpression(node)) return lowerCall(node, scope, lowerExpression);
  if (ts.isConditionalExpression(node)) return lowerConditional(node, scope);
  if (ts.isPrefixUnaryExpression(node)) return lowerPrefix(node, scope);
  if (ts.isPostfixUnaryExpression(node)) return refuseIncrement(node, scope);
  if (ts.isBinaryExpression(node)) return lowerBinary(node, scope);
  return refuseExpression(node, scope);
}

/** A boolean, or a report of TK167. */
export function lowerCondition(node: ts.Expression, scope: Scope): Value {
  const value = lowerExpression(node, scope);
  if (value === undefined || value.type === "bool") return value;
  const zero = value.type === "int" ? "0" : "f32(0)";
  const fact = `${quote(node)} is ${TYPE_NAMES[value.type]}, where a condition is needed`;
  return scope.reporter.report("TK167", node, fact, `compare it, as in ${quote(node)} !== ${zero}`);
}

/** Two values of one type that is not boolean, or a report of TK160 about the operation `what`. */
export function expectSameType(
  what: ts.Node,
  left: { readonly node: ts.Node; readonly value: Expr },
  right: { readonly node: ts.Node; readonly value: Expr },
  scope: Scope,
): boolean {
  const { reporter } = scope;
  const [a, b] = [left.value.type, right.value.type];
  if (a === b) return true;
  const fact = `${quote(what)} mixes ${TYPE_NAMES[a]} and ${TYPE_NAMES[b]}`;
  const integer = a === "int" ? left : b === "int" ? right : undefined;
  if (integer !== undefined && (a === "f32" || b === "f32")) {
    reporter.report("TK160", what, fact, `convert the integer: f32(${quote(integer.node)})`);
  } else {
    reporter.report("TK160", what, fact, "choose between two numbers with a condition: c ? a : b");
  }
  return false;
}

/** What a condition on integer constants is; `undefined` for any other. */
export function constantCondition(cond: Expr): boolean | undefined {
  if (cond.kind === "bool") return cond.value;
  if (cond.kind !== "compare" || cond.left.kind !== "int" || cond.right.kind !== "int") return undefined;
  return build.foldCompare(cond.op, cond.left.value, cond.right.value);
}

export function lowerArithmetic(
  op: "add" | "sub" | "mul" | "div",
  node: ts.Expression,
  left: { readonly node: ts.Node; readonly value: Expr },
  right: { readonly node: ts.Node; readonly value: Expr },
  scope: Scope,
): Value {
  const { reporter } = scope;
  if (!expectSameType(node, left, right, scope)) return undefined;
  const span = reporter.spanOf(node);
  const type = left.value.type;
  if (type === "f32") return build.floatOp(op, left.value, right.value, span);
  if (type === "bool") {
    const fact = `${quote(node)} calculates with booleans`;
    return reporter.report("TK160", node, fact, "choose between two numbers with a condition: c ? a : b");
  }
  if (op === "div") {
    const fix = `write div(${quote(left.node)}, ${quote(right.node)}), which rounds down, or convert both sides with f32`;
    return reporter.report("TK161", node, `${quote(node)} divides integers with /`, fix);
  }
  return build.intOp(op, left.value, right.value, span);
}

/** What a bound name stands for as a value, at the place of its use. */
function lowerIdentifier(node: ts.Identifier, scope: Scope): Value {
  return lowerName(node, symbolOf(node, scope.program.checker), scope);
}

/** A name of which the symbol is known: that of `{ t }` stands for a property as well as for a value. */
export function lowerName(node: ts.Identifier, symbol: ts.Symbol | undefined, scope: Scope): Value {
  const { program, reporter } = scope;
  const binding = symbol && scope.bindings.get(symbol);
  if (binding !== undefined) return lowerBinding(node, binding, scope);
  if (node.text === "Infinity" || node.text === "NaN" || node.text === "undefined") {
    const fix = "start from an element, or use a large number such as f32(-3.4e38)";
    return reporter.report("TK170", node, `${node.text} is not a value of the language`, fix);
  }
  const name = symbol && moduleNameOf(symbol, program);
  if (name?.kind === "constant" && symbol !== undefined) return lowerConstant(node, symbol, name.declaration, scope);
  if (name?.kind === "dsl") {
    const reserved = RESERVED_NAMES.get(name.name);
    if (reserved) return reporter.report(reserved.code, node, `${name.name} is reserved, not built yet`, reserved.fix);
    const place = name.name === "thread" || name.name === "block";
    const call = name.name === "wave" ? "write wave.barrier();" : `call it: ${node.text}(…)`;
    const fix = place ? `write ${node.text}.x, ${node.text}.y or ${node.text}.z` : call;
    return reporter.report("TK170", node, `${node.text} is not a value by itself`, fix);
  }
  if (name?.kind === "family") {
    const fix = `apply it at the top of the file: export const NAME = ${node.text}(…)`;
    return reporter.report("TK117", node, `${node.text} makes kernels, and is not a value`, fix);
  }
  if (name?.kind === "function") {
    return reporter.report("TK170", node, `the function ${node.text} is not a value`, `call it: ${node.text}(…)`);
  }
  if (name?.kind === "other") {
    const fix = `declare it as const ${node.text} = … with a constant number, or pass it as a scalar parameter`;
    return reporter.report("TK172", node, `${node.text} is not a constant`, fix);
  }
  const fix = "use a parameter, a dimension, a local or a module constant";
  return reporter.report("TK172", node, `${node.text} does not exist in the kernel`, fix);
}

function lowerBinding(node: ts.Identifier, binding: Binding, scope: Scope): Value {
  const { reporter } = scope;
  const span = reporter.spanOf(node);
  switch (binding.kind) {
    case "value":
      return binding.make(span);
    case "argument":
      return binding.expr;
    case "counter":
      return build.local(binding.name, "int", span);
    case "local":
      return build.local(binding.name, binding.type, span);
    case "tensor":
    case "array": {
      const rank = binding.kind === "tensor" ? binding.param.shape.length : binding.array.shape.length;
      const fix = `index one element: ${node.text}${"[…]".repeat(rank)}`;
      return reporter.report("TK173", node, `${node.text} is a whole array, not a number`, fix);
    }
    case "element":
      return reporter.report("TK170", node, `${node.text} is an element type, not a value`, `call it: ${node.text}(…)`);
    case "refused":
      return undefined;
    default:
      binding satisfies never;
      return undefined;
  }
}

/** A module constant is its value, placed where it is used. */
function lowerConstant(
  use: ts.Identifier,
  symbol: ts.Symbol,
  declaration: ts.VariableDeclaration,
  scope: Scope,
): Value {
  const { reporter } = scope;
  if (scope.expanding.includes(symbol)) {
    return reporter.report("TK106", declaration.name, `${symbol.name} is defined by itself`, "give it a number");
  }
  if (declaration.initializer === undefined || !mayExpand(use, scope)) return undefined;
  scope.expanding.push(symbol);
  const value = lowerConstantValue(declaration.initializer, scope);
  scope.expanding.pop();
  if (value?.kind === "int") return build.int(value.value, reporter.spanOf(use));
  return value?.kind === "float" ? build.float(value.value, reporter.spanOf(use)) : value;
}

/** An expression over literals and other module constants; reports TK104 for anything else. */
export function lowerConstantValue(initializer: ts.Expression, scope: Scope): Value {
  const { reporter } = scope;
  const fix = "use numbers, + - * /, div, mod, min, max and other module constants";
  const refused = findNotConstant(initializer, scope);
  if (refused) return reporter.report("TK104", refused, `${quote(refused)} is not a constant number`, fix);
  const value = lowerExpression(initializer, scope);
  if (value?.type !== "bool") return value;
  return reporter.report("TK104", initializer, `${quote(initializer)} is not a constant number`, fix);
}

function findNotConstant(node: ts.Node, scope: Scope): ts.Node | undefined {
  const forbidden =
    ts.isStringLiteralLike(node) ||
    ts.isTemplateExpression(node) ||
    ts.isArrayLiteralExpression(node) ||
    ts.isObjectLiteralExpression(node) ||
    ts.isElementAccessExpression(node) ||
    ts.isFunctionLike(node) ||
    (ts.isPropertyAccessExpression(node) && node.expression.getText() !== "Math") ||
    (ts.isIdentifier(node) && isMutableName(node, scope));
  return forbidden ? node : ts.forEachChild(node, (child) => findNotConstant(child, scope));
}

function isMutableName(node: ts.Identifier, scope: Scope): boolean {
  const symbol = symbolOf(node, scope.program.checker);
  return symbol !== undefined && moduleNameOf(symbol, scope.program)?.kind === "other";
}

const AXES: Readonly<Record<string, Axis>> = { x: 0, y: 1, z: 2 };

function lowerProperty(node: ts.PropertyAccessExpression, scope: Scope): Value {
  const { program, reporter } = scope;
  const target = node.expression;
  const symbol = symbolOf(target, program.checker);
  const name = symbol && moduleNameOf(symbol, program);
  if (name?.kind === "dsl" && (name.name === "thread" || name.name === "block")) {
    const axis = Object.hasOwn(AXES, node.name.text) ? AXES[node.name.text] : undefined;
    if (axis !== undefined) return build.index(name.name, axis, reporter.spanOf(node));
  }
  if (name?.kind === "dsl" && name.name === "matrix") return lowerMatrixProperty(node, scope);
  if (name?.kind === "dsl" && name.name === "simd") return lowerSimdProperty(node, scope);
  const reserved = name?.kind === "dsl" ? RESERVED_NAMES.get(`${name.name}.${node.name.text}`) : undefined;
  if (reserved) return reporter.report(reserved.code, node, `${quote(node)} is reserved, not built yet`, reserved.fix);
  if (name?.kind === "dsl" && RESERVED_NAMES.has(name.name)) return lowerExpression(target, scope);
  if (ts.isIdentifier(target) && target.text === "Math") return refuseMath(node, scope);
  const fix = "use the names of parameters and dimensions, and thread.x, block.x and the like";
  return reporter.report("TK170", node, `${quote(node)} is a property, which the language has not`, fix);
}

function lowerConditional(node: ts.ConditionalExpression, scope: Scope): Value {
  const cond = lowerCondition(node.condition, scope);
  const then = lowerExpression(node.whenTrue, scope);
  const otherwise = lowerExpression(node.whenFalse, scope);
  if (cond === undefined || then === undefined || otherwise === undefined) return undefined;
  const [left, right] = [
    { node: node.whenTrue, value: then },
    { node: node.whenFalse, value: otherwise },
  ];
  if (!expectSameType(node, left, right, scope)) return undefined;
  const holds = constantCondition(cond);
  if (holds !== undefined) return holds ? then : otherwise;
  return build.select(cond, then, otherwise, scope.reporter.spanOf(node));
}

function lowerPrefix(node: ts.PrefixUnaryExpression, scope: Scope): Value {
  const { reporter } = scope;
  const { operator, operand } = node;
  if (operator === SyntaxKind.PlusPlusToken || operator === SyntaxKind.MinusMinusToken) {
    return refuseIncrement(node, scope);
  }
  if (operator === SyntaxKind.TildeToken) {
    return reporter.report("TK164", node, `${quote(node)} is a bit operation`, BIT_FIX);
  }
  if (operator === SyntaxKind.PlusToken) {
    return reporter.report("TK170", node, `${quote(node)} has a + that does nothing`, `write ${quote(operand)}`);
  }
  if (operator === SyntaxKind.ExclamationToken) {
    const value = lowerCondition(operand, scope);
    return value && build.not(value, reporter.spanOf(node));
  }
  const value = lowerExpression(operand, scope);
  if (value === undefined) return undefined;
  if (value.type === "bool") {
    return reporter.report("TK160", node, `${quote(node)} negates a boolean`, `write !${quote(operand)}`);
  }
  return build.neg(value, reporter.spanOf(node));
}

function lowerBinary(node: ts.BinaryExpression, scope: Scope): Value {
  const { reporter } = scope;
  const { left, operatorToken, right } = node;
  const kind = operatorToken.kind;
  const [a, b] = [quote(left), quote(right)];
  if (isAssignment(kind)) {
    const fix = `assign in a statement of its own: ${a} ${operatorToken.getText()} …;`;
    return reporter.report("TK142", node, `${quote(node)} assigns inside an expression`, fix);
  }
  if (kind === SyntaxKind.CommaToken) {
    return reporter.report("TK171", node, "the comma operator is not in the language", "write two statements");
  }
  if (kind === SyntaxKind.PercentToken) {
    const fix = `write mod(${a}, ${b}), which is never negative for a positive divisor`;
    return reporter.report(
      "TK162",
      node,
      `${quote(node)} uses %, whose sign differs from one language to another`,
      fix,
    );
  }
  if (kind === SyntaxKind.EqualsEqualsToken || kind === SyntaxKind.ExclamationEqualsToken) {
    const strict = `${operatorToken.getText()}=`;
    const fact = `${quote(node)} compares with ${operatorToken.getText()}`;
    return reporter.report("TK163", node, fact, `write ${a} ${strict} ${b}`);
  }
  if (BIT_OPERATORS.has(kind)) {
    return reporter.report("TK164", node, `${quote(node)} is a bit operation`, BIT_FIX);
  }
  if (kind === SyntaxKind.AsteriskAsteriskToken) {
    return reporter.report("TK165", node, `${quote(node)} uses **`, "multiply, or use exp(b * log(a)) on floats");
  }
  if (kind === SyntaxKind.AmpersandAmpersandToken || kind === SyntaxKind.BarBarToken) {
    const [x, y] = [lowerCondition(left, scope), lowerCondition(right, scope)];
    const op = kind === SyntaxKind.BarBarToken ? "or" : "and";
    return x && y && build.logic(op, x, y, reporter.spanOf(node));
  }
  const compareOp = COMPARE.get(kind);
  const arithmeticOp = ARITHMETIC.get(kind);
  if (compareOp === undefined && arithmeticOp === undefined) return refuseExpression(node, scope);
  const [x, y] = [lowerExpression(left, scope), lowerExpression(right, scope)];
  if (x === undefined || y === undefined) return undefined;
  const sides = [{ node: left, value: x } as const, { node: right, value: y } as const] as const;
  if (arithmeticOp !== undefined) return lowerArithmetic(arithmeticOp, node, ...sides, scope);
  if (compareOp === undefined || !expectSameType(node, ...sides, scope)) return undefined;
  if (x.type === "bool") {
    return reporter.report("TK160", node, `${quote(node)} compares booleans`, "combine conditions with &&, || and !");
  }
  return build.compare(compareOp, x, y, reporter.spanOf(node));
}

function refuseIncrement(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression, scope: Scope): undefined {
  const sign = node.operator === SyntaxKind.MinusMinusToken ? "-=" : "+=";
  const fix = `write ${quote(node.operand)} ${sign} 1 as a statement`;
  return scope.reporter.report("TK143", node, `${quote(node)} stands outside the head of a loop`, fix);
}

function refuseExpression(node: ts.Expression, scope: Scope): undefined {
  const { reporter } = scope;
  if (ts.isArrowFunction(node) || ts.isFunctionExpression(node)) {
    const fix = "declare an inline function at the top of the file: const f = (x: number) => …";
    return reporter.report("TK177", node, "a function is made inside the kernel", fix);
  }
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node)) {
    return reporter.report("TK178", node, "a kernel has no strings", "use numbers and booleans");
  }
  if (ts.isObjectLiteralExpression(node) || ts.isArrayLiteralExpression(node)) {
    const fix = "use scalars, or an array made by shared(…) or registers(…)";
    return reporter.report("TK179", node, "a kernel has no object or array values", fix);
  }
  if (ts.isBigIntLiteral(node)) {
    return reporter.report("TK170", node, `${quote(node)} is a bigint`, `write ${node.text.slice(0, -1)}`);
  }
  if (ts.isAsExpression(node) || ts.isNonNullExpression(node) || ts.isSatisfiesExpression(node)) {
    const fix = `write ${quote(node.expression)}; use f32(…) to convert an integer`;
    return reporter.report("TK170", node, `${quote(node)} asserts a type, which converts nothing`, fix);
  }
  const fix = "use numbers, comparisons, c ? a : b, array elements and the functions of tokitai/dsl";
  return reporter.report("TK170", node, `${quote(node)} is not in the language`, fix);
}
