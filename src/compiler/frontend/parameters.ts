/** The first argument of `kernel`: `{ x: input(f32, ["B", "K"]), k: scalar(i32) }` → parameters and dimensions. */

import { ts } from "ts-morph";
import { int } from "../../ir/kernel/build.ts";
import { isElementType } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { Param, Role } from "../../ir/kernel/types.ts";
import { lowerExpression } from "./expression.ts";
import { whyUnusable } from "./names.ts";
import { dslName, elementName, quote, type Scope } from "./scope.ts";
import { parseDimension } from "./shape.ts";

export interface Parameters {
  readonly params: readonly Param[];
  /** In the order of their first appearance. */
  readonly dims: readonly string[];
  /** The parameters whose declaration was refused; their dimensions are not known. */
  readonly refused: ReadonlySet<string>;
}

const ROLES: ReadonlySet<string> = new Set(["input", "output", "inout"]);

export function lowerParameters(node: ts.ObjectLiteralExpression, scope: Scope): Parameters {
  const { reporter } = scope;
  const dims = new Set<string>();
  const params: Param[] = [];
  const refused = new Set<string>();
  for (const property of node.properties) {
    const named =
      ts.isPropertyAssignment(property) && (ts.isIdentifier(property.name) || ts.isStringLiteral(property.name));
    if (!named) {
      const fix = 'write each parameter as x: input(f32, ["B", "K"])';
      reporter.report("TK110", property, `${quote(property)} is not a parameter's declaration`, fix);
      continue;
    }
    const name = property.name.text;
    const problem = whyUnusable(name);
    if (problem !== undefined)
      reporter.report("TK111", property.name, `the parameter name ${name} ${problem}`, "rename it");
    if (params.some((other) => other.name === name)) {
      reporter.report("TK112", property.name, `there are two parameters ${name}`, "rename one of them");
    }
    const param = lowerParameter(name, property.initializer, dims, scope);
    if (param === undefined) refused.add(name);
    else params.push(param);
  }
  for (const name of dims) {
    const problem = params.some((param) => param.name === name) ? "is also a parameter" : whyUnusable(name);
    if (problem !== undefined) reporter.report("TK111", node, `the dimension name ${name} ${problem}`, "rename it");
  }
  const writes = params.some((param) => param.kind === "tensor" && param.role !== "input");
  if (!writes && params.length === node.properties.length) {
    const fix = 'declare what it computes: y: output(f32, ["B", "N"])';
    reporter.report("TK113", node, "the kernel writes nothing", fix);
  }
  return { params, dims: [...dims], refused };
}

function lowerParameter(name: string, node: ts.Expression, dims: Set<string>, scope: Scope): Param | undefined {
  const { reporter, program } = scope;
  const span = reporter.spanOf(node.parent);
  const role = ts.isCallExpression(node) ? dslName(node.expression, program) : undefined;
  if (!ts.isCallExpression(node) || role === undefined || !(ROLES.has(role) || role === "scalar")) {
    const fix = 'declare it by input, output, inout or scalar, as in x: input(f32, ["B", "K"])';
    return reporter.report("TK110", node, `${name} is declared by ${quote(node)}`, fix);
  }
  const [type, shape] = node.arguments;
  const element = type && elementName(type, scope);
  if (role === "scalar") {
    if (element === "f32" || element === "i32" || element === "i64") return { kind: "scalar", name, element, span };
    return reporter.report("TK115", node, `${quote(node)} is not a scalar's type`, "use f32, i32 or i64");
  }
  if (element === undefined || !isElementType(element)) {
    const fix = "use f32, f16, bf16, i32, u32 or i64";
    return reporter.report("TK115", type ?? node, `${quote(type ?? node)} is no element type`, fix);
  }
  if (shape === undefined || !ts.isArrayLiteralExpression(shape) || shape.elements.length === 0) {
    return reporter.report("TK114", shape ?? node, `${name} has no shape`, `write ${role}(${element}, ["B", "K"])`);
  }
  const axes = shape.elements.map((axis) => lowerDimension(axis, dims, scope));
  const known = axes.filter((axis) => axis !== undefined);
  return known.length < axes.length
    ? undefined
    : { kind: "tensor", name, role: roleOf(role), element, shape: known, span };
}

function roleOf(name: string): Role {
  return name === "output" || name === "inout" ? name : "input";
}

function lowerDimension(node: ts.Expression, dims: Set<string>, scope: Scope): Expr | undefined {
  const { reporter } = scope;
  const span = reporter.spanOf(node);
  const fix = 'use a name, a linear expression such as "E+1" or "2*N", or a constant';
  if (ts.isStringLiteral(node)) {
    const parsed = parseDimension(node.text, span, dims);
    return parsed ?? reporter.report("TK114", node, `${quote(node)} is not a linear expression`, fix);
  }
  const value = lowerExpression(node, scope);
  if (value === undefined) return undefined;
  if (value.kind === "int" && value.value >= 0n) return int(value.value, span);
  return reporter.report("TK114", node, `${quote(node)} is not a dimension`, fix);
}
