/**
 * Families of kernels: one body for several element types and integers.
 *
 *   const scaleOn = (T: HalfElement, TILE: number) => kernel({ x: input(T, ["N"]), … }, …);
 *   export const scale_f16 = scaleOn(f16, 64);
 *
 * A kernel of a family is lowered from the family's source, with the parameters bound to what it is given: each is an element
 * type or an integer, known where the family is applied.
 */

import { ts } from "ts-morph";
import { int } from "../../ir/kernel/build.ts";
import { isElementType } from "../../ir/kernel/elements.ts";
import { plural } from "./element.ts";
import { lowerConstantValue } from "./expression.ts";
import type { KernelSource } from "./kernel.ts";
import { createNames } from "./names.ts";
import type { KernelProgram } from "./program.ts";
import type { Reporter } from "./reporter.ts";
import { type Binding, createScope, dslName, type FamilyNode, isKernelCall, quote, symbolOf } from "./scope.ts";

/** Reports TK117 for what is no element type and no integer. */
export function applyFamily(
  name: ts.Identifier,
  statement: ts.VariableStatement,
  application: ts.CallExpression,
  family: FamilyNode,
  program: KernelProgram,
  reporter: Reporter,
): KernelSource | undefined {
  const { declaration, call } = family;
  const { parameters } = declaration;
  const called = quote(application.expression);
  const form = `write ${called}(${parameters.map((parameter) => quote(parameter.name)).join(", ")})`;
  if (application.arguments.length !== parameters.length) {
    const fact = `${called} has ${plural(parameters.length, "parameter", "parameters")}, and is given ${application.arguments.length}`;
    return reporter.report("TK117", application, fact, form);
  }
  const given = new Map<ts.Symbol, Binding>();
  for (const [i, argument] of application.arguments.entries()) {
    const symbol = symbolOf(parameters[i]?.name ?? argument, program.checker);
    const binding = bindingOf(argument, program, reporter);
    if (symbol === undefined || binding === undefined) return undefined;
    given.set(symbol, binding);
  }
  return { name, statement, call, family: { statement: family.statement, given } };
}

function bindingOf(argument: ts.Expression, program: KernelProgram, reporter: Reporter): Binding | undefined {
  const element = dslName(argument, program);
  if (element !== undefined && isElementType(element)) return { kind: "element", element };
  const before = reporter.count;
  const value = lowerConstantValue(argument, createScope(program, reporter, createNames([])));
  if (value?.kind === "int") {
    return { kind: "value", what: "constant", make: (span) => int(value.value, span) };
  }
  if (reporter.count > before) return undefined;
  const fix = "give an element type such as f16, or an integer of literals and module constants";
  return reporter.report("TK117", argument, `${quote(argument)} is neither an element type nor an integer`, fix);
}

/** Whether a function that is no family has a kernel in it all the same. */
export function hasKernel(node: ts.Node, program: KernelProgram): boolean {
  return (
    isKernelCall(node, program) || ts.forEachChild(node, (child) => hasKernel(child, program) || undefined) === true
  );
}

/** Reports TK116 for a parameter that is not a plain name. */
export function checkFamily({ declaration }: FamilyNode, reporter: Reporter): void {
  for (const parameter of declaration.parameters) {
    const { name, initializer, dotDotDotToken, questionToken } = parameter;
    if (ts.isIdentifier(name) && !initializer && !dotDotDotToken && !questionToken) continue;
    const fix = "give each parameter a name and a type: (T: HalfElement, TILE: number) => kernel(…)";
    reporter.report("TK116", parameter, `${quote(parameter)} is not a plain parameter`, fix);
  }
}
