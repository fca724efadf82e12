/**
 * Calls inside expressions: the functions of `tokitai/dsl`, and inline functions, whose expression takes the place of
 * the call with the arguments in the place of the parameters. The types are inferred at each call.
 */

import { ts } from "ts-morph";
import * as build from "../../ir/kernel/build.ts";
import type { Expr, FloatFunction } from "../../ir/kernel/expr.ts";
import { RESERVED_NAMES } from "./codes.ts";
import type { LowerExpression } from "./element.ts";
import { plural } from "./element.ts";
import { checkSize, mayExpand } from "./expand.ts";
import { refuseForall } from "./forall-place.ts";
import { GHOSTS, lowerGhost } from "./ghost.ts";
import { literalToFloat } from "./literal.ts";
import { lowerMatrixCall } from "./matrix.ts";
import { isRoundingName, lowerRounding } from "./rounding.ts";
import { type Binding, calledName, type FunctionNode, moduleNameOf, quote, type Scope, symbolOf } from "./scope.ts";

type Value = Expr | undefined;

const TYPE_NAMES = { int: "an integer", f32: "a float", bool: "a boolean" } as const;

export function lowerCall(node: ts.CallExpression, scope: Scope, lower: LowerExpression): Value {
  const { program, reporter } = scope;
  const callee = node.expression;
  const root = ts.isPropertyAccessExpression(callee) ? callee.expression : callee;
  const symbol = ts.isIdentifier(root) ? symbolOf(root, program.checker) : undefined;
  const name = symbol && !scope.bindings.has(symbol) ? moduleNameOf(symbol, program) : undefined;
  if (name?.kind === "dsl") {
    const called = calledName(node, program);
    const reserved = RESERVED_NAMES.get(called ?? "");
    if (reserved)
      return reporter.report(reserved.code, callee, `${quote(callee)} is reserved, not built yet`, reserved.fix);
    if (called !== undefined) return lowerBuiltin(called, node, scope, lower);
  }
  const bound = symbol && scope.bindings.get(symbol);
  if (bound?.kind === "element" && root === callee) return lowerBuiltin(bound.element, node, scope, lower);
  if (name?.kind === "family") {
    const fix = `apply it at the top of the file: export const NAME = ${quote(node)}`;
    return reporter.report("TK117", node, `${quote(callee)} makes kernels, and stands inside the code`, fix);
  }
  if (ts.isPropertyAccessExpression(callee)) {
    if (ts.isIdentifier(root) && root.text === "Math") return refuseMath(callee, scope);
    const fix = "use the functions of tokitai/dsl, as in max(a, b)";
    return reporter.report("TK168", node, `${quote(callee)} is a method, which the language has not`, fix);
  }
  if (name?.kind === "function" && symbol !== undefined) {
    return inlineCall(node, symbol, name.declaration, scope, lower);
  }
  if (symbol !== undefined && scope.bindings.get(symbol)?.kind === "refused") return undefined;
  const fix = "call a function of tokitai/dsl, or an inline function declared at the top of a kernel file";
  return reporter.report("TK168", node, `${quote(callee)} is not a function of the language`, fix);
}

const MATH_FIXES: Readonly<Record<string, string>> = {
  floor: "use div(a, b) on integers, which rounds down",
  trunc: "use div(a, b) on integers, which rounds down",
  ceil: "use ceilDiv(a, b) on integers",
  pow: "multiply, or use exp(b * log(a))",
  PI: "write the number: 3.141592653589793",
  E: "write the number: 2.718281828459045",
};

/** `Math.exp` and the like work on doubles at run time, and are not what the kernel computes. */
export function refuseMath(node: ts.PropertyAccessExpression, scope: Scope): undefined {
  const name = node.name.text;
  const known = Object.hasOwn(build.FLOAT_FUNCTIONS, name);
  const written = Object.hasOwn(MATH_FIXES, name) ? MATH_FIXES[name] : undefined;
  const fix = known
    ? `import ${name} from tokitai/dsl, and write ${name}(…)`
    : (written ?? "write it with + - * / and exp");
  return scope.reporter.report("TK166", node, `${quote(node)} is a function of JavaScript`, fix);
}

function lowerBuiltin(name: string, node: ts.CallExpression, scope: Scope, lower: LowerExpression): Value {
  const { reporter } = scope;
  const span = reporter.spanOf(node);
  switch (name) {
    case "f32": {
      const [value] = lowerArguments(name, node, 1, scope, lower) ?? [];
      if (value === undefined || value.type === "f32") return value;
      if (value.type === "int") return literalToFloat(value, node, scope);
      return refuseArgument(node, 0, value, "a number", "choose with a condition: c ? f32(1) : f32(0)", scope);
    }
    case "ceilDiv":
    case "div":
    case "mod": {
      const args = lowerArguments(name, node, 2, scope, lower);
      const wrong = args?.findIndex((arg) => arg.type !== "int") ?? -1;
      const [a, b] = args ?? [];
      if (a === undefined || b === undefined) return undefined;
      if (wrong >= 0)
        return refuseArgument(node, wrong, wrong === 0 ? a : b, "an integer", "divide floats with /", scope);
      return name === "ceilDiv" ? build.ceilDiv(a, b, span) : build.intOp(name, a, b, span);
    }
    case "min":
    case "max":
      return lowerExtremum(name, node, scope, lower);
    case "exp":
    case "log":
    case "erf":
    case "tanh":
    case "sqrt":
    case "abs":
    case "fma":
      return lowerFloatFunction(name, node, scope, lower);
    case "implies":
      return lowerImplication(node, scope, lower);
    case "forall":
      return refuseForall(node, scope);
    case "barrier":
    case "wave.barrier":
    case "requires":
    case "ensures":
    case "covers":
    case "invariant":
    case "atomicAdd":
    case "atomicMin":
    case "atomicMax":
    case "loadVector":
    case "storeVector":
    case "loadFragment":
    case "mma": {
      const written = name.endsWith("barrier") ? `${name}();` : `${name}(…);`;
      return reporter.report("TK150", node, `${name} has no value`, `write ${written} as a statement of its own`);
    }
    case "shared":
    case "registers":
    case "fragment": {
      const args = name === "fragment" ? '"a", f16' : "f32, [16]";
      const fix = `declare it at the top of the kernel's body: const a = ${name}(${args})`;
      return reporter.report("TK148", node, `${name} declares an array, and stands inside the code`, fix);
    }
    case "i32":
    case "u32":
    case "i64": {
      const fix = "integers need no conversion; a float cannot become one";
      return reporter.report("TK169", node, `${name} converts nothing: every integer of a kernel is an int`, fix);
    }
    default: {
      if (isRoundingName(name)) return lowerRounding(name, node, scope, lower);
      if (name.startsWith("matrix.")) return lowerMatrixCall(name.slice("matrix.".length), node, scope, lower);
      const ghost = GHOSTS.get(name);
      if (ghost !== undefined) return lowerGhost(ghost, node, scope, lower);
      const fix = name.startsWith("wave.")
        ? "write wave.barrier();"
        : `use ${name} in the kernel's declaration: kernel({ … }, { … }, (…) => { … })`;
      return reporter.report("TK168", node, `${name} is not a function of a kernel's body`, fix);
    }
  }
}

/** `implies(a, b)` is `!a || b`. */
function lowerImplication(node: ts.CallExpression, scope: Scope, lower: LowerExpression): Value {
  const args = lowerArguments("implies", node, 2, scope, lower);
  const [a, b] = args ?? [];
  if (a === undefined || b === undefined) return undefined;
  const wrong = a.type !== "bool" ? 0 : b.type !== "bool" ? 1 : undefined;
  if (wrong !== undefined) {
    return refuseArgument(node, wrong, wrong === 0 ? a : b, "booleans", "give it two conditions", scope);
  }
  const span = scope.reporter.spanOf(node);
  return build.logic("or", build.not(a, span), b, span);
}

function lowerExtremum(name: "min" | "max", node: ts.CallExpression, scope: Scope, lower: LowerExpression): Value {
  const [a, b] = lowerArguments(name, node, 2, scope, lower) ?? [];
  if (a === undefined || b === undefined) return undefined;
  const span = scope.reporter.spanOf(node);
  if (a.type === "int" && b.type === "int") return build.intOp(name, a, b, span);
  if (a.type === "f32" && b.type === "f32") return build.call(name, [a, b], span);
  if (a.type === "bool") return refuseArgument(node, 0, a, "a number", "combine conditions with && and ||", scope);
  if (b.type === "bool") return refuseArgument(node, 1, b, "a number", "combine conditions with && and ||", scope);
  const integer = node.arguments[a.type === "int" ? 0 : 1] ?? node;
  const fix = `convert the integer: f32(${quote(integer)})`;
  return scope.reporter.report(
    "TK160",
    node,
    `${quote(node)} mixes ${TYPE_NAMES[a.type]} and ${TYPE_NAMES[b.type]}`,
    fix,
  );
}

function lowerFloatFunction(fn: FloatFunction, node: ts.CallExpression, scope: Scope, lower: LowerExpression): Value {
  const args = lowerArguments(fn, node, build.FLOAT_FUNCTIONS[fn], scope, lower);
  if (args === undefined) return undefined;
  for (const [i, arg] of args.entries()) {
    if (arg.type === "f32") continue;
    const text = quote(node.arguments[i] ?? node);
    const integer = fn === "abs" ? `use max(${text}, -${text}) on integers` : `convert it: f32(${text})`;
    const fix = arg.type === "int" ? integer : `choose with a condition: c ? f32(1) : f32(0)`;
    return refuseArgument(node, i, arg, "a float", fix, scope);
  }
  return build.call(fn, args, scope.reporter.spanOf(node));
}

function refuseArgument(
  node: ts.CallExpression,
  position: number,
  value: Expr,
  wanted: string,
  fix: string,
  scope: Scope,
): undefined {
  const at = node.arguments[position] ?? node;
  const fact = `${quote(node.expression)} takes ${wanted}, and ${quote(at)} is ${TYPE_NAMES[value.type]}`;
  return scope.reporter.report("TK169", at, fact, fix);
}

/** The arguments' values if there are `count` of them and none was refused. */
function lowerArguments(
  name: string,
  node: ts.CallExpression,
  count: number,
  scope: Scope,
  lower: LowerExpression,
): readonly Expr[] | undefined {
  const spread = node.arguments.find(ts.isSpreadElement);
  if (spread) {
    return scope.reporter.report("TK170", spread, `${quote(spread)} spreads an array`, "write each argument");
  }
  const values = node.arguments.map((argument) => lower(argument, scope));
  if (values.length !== count) {
    const fact = `${name} takes ${plural(count, "argument", "arguments")}, and is given ${values.length}`;
    const places = Array.from({ length: count }, (_, i) => String.fromCharCode("a".charCodeAt(0) + i));
    return scope.reporter.report("TK169", node, fact, `write ${name}(${places.join(", ")})`);
  }
  const found = values.filter((value) => value !== undefined);
  return found.length === count ? found : undefined;
}

function inlineCall(
  node: ts.CallExpression,
  symbol: ts.Symbol,
  declaration: FunctionNode,
  scope: Scope,
  lower: LowerExpression,
): Value {
  const { reporter } = scope;
  const body = inlineBody(declaration);
  const args = lowerArguments(symbol.name, node, declaration.parameters.length, scope, lower);
  // What is no inline function has been reported where it is declared.
  if (body === undefined) return reporter.report(...notInline(declaration, symbol.name));
  if (args === undefined) return undefined;
  if (scope.expanding.includes(symbol)) {
    const fix = "write a loop in the kernel, or the expression in full";
    return reporter.report(
      "TK106",
      declaration.name ?? node,
      `${symbol.name} calls itself, and is inlined at each call`,
      fix,
    );
  }
  if (!mayExpand(node, scope)) return undefined;
  const saved = new Map<ts.Symbol, Binding | undefined>();
  for (const [i, parameter] of declaration.parameters.entries()) {
    const bound = symbolOf(parameter.name, scope.program.checker);
    const expr = args[i];
    if (bound === undefined || expr === undefined) continue;
    saved.set(bound, scope.bindings.get(bound));
    scope.bindings.set(bound, { kind: "argument", expr });
  }
  scope.expanding.push(symbol);
  const value = reporter.within(node, () => lower(body, scope));
  scope.expanding.pop();
  for (const [bound, before] of saved) {
    if (before) scope.bindings.set(bound, before);
    else scope.bindings.delete(bound);
  }
  return value && checkSize(value, node, scope);
}

/** The one expression of an inline function; `undefined` where the function is not of that form. */
export function inlineBody(declaration: FunctionNode): ts.Expression | undefined {
  const simple = declaration.parameters.every(
    ({ name, initializer, dotDotDotToken, questionToken }) =>
      ts.isIdentifier(name) && !initializer && !dotDotDotToken && !questionToken,
  );
  const marked =
    declaration.asteriskToken ?? declaration.modifiers?.find(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword);
  const { body } = declaration;
  if (!simple || marked || body === undefined) return undefined;
  if (!ts.isBlock(body)) return body;
  const [only, ...more] = body.statements;
  return only && ts.isReturnStatement(only) && more.length === 0 ? only.expression : undefined;
}

export function notInline(declaration: FunctionNode, name: string): readonly ["TK105", ts.Node, string, string] {
  const fix = `write one expression of plain parameters: const ${name} = (x: number) => x * x`;
  return ["TK105", declaration.name ?? declaration, `${name} cannot be inlined`, fix];
}
