/**
 * `forall([T, E], (t, e) => …)`: variables with their extents, and a condition of them. Also the variables themselves,
 * which `covers` has too.
 */

import { ts } from "ts-morph";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { DataCondition } from "../../ir/kernel/types.ts";
import { visitExpr } from "../../ir/kernel/walk.ts";
import type { Code } from "./codes.ts";
import { plural } from "./element.ts";
import { lowerCondition, lowerExpression } from "./expression.ts";
import { quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

const FORM = "write forall([T], (t) => …), with one variable per extent";

/** `taken` are the names of the kernel's parameters and dimensions, and of what its file declares. */
export function lowerForall(
  node: ts.CallExpression,
  taken: ReadonlySet<string>,
  scope: Scope,
): DataCondition | undefined {
  const { reporter } = scope;
  const refuse = (at: ts.Node, fact: string): undefined => reporter.report("TK196", at, fact, FORM);
  const [list, condition, ...more] = node.arguments;
  if (list === undefined || condition === undefined || more.length > 0) {
    return refuse(node, `forall takes 2 arguments, and is given ${node.arguments.length}`);
  }
  if (!ts.isArrayLiteralExpression(list)) return refuse(list, `${quote(list)} is not a list of extents`);
  const extents = list.elements.map((extent) => lowerExtent(extent, scope));
  const predicate = skipParentheses(condition);
  if (!ts.isArrowFunction(predicate) || ts.isBlock(predicate.body)) {
    return refuse(condition, `${quote(condition)} is not an arrow function of one expression`);
  }
  if (list.elements.length === 0) {
    return reporter.report("TK196", list, "forall has no extents", "write the condition without forall");
  }
  const count = predicate.parameters.length;
  if (count !== list.elements.length) {
    const [variables, sizes] = [plural(count, "variable", "variables"), plural(extents.length, "extent", "extents")];
    return refuse(predicate, `forall has ${sizes} and ${variables}`);
  }
  const { body } = predicate;
  const bound = bindVariables(predicate.parameters, "TK196", taken, scope);
  if (bound === undefined) return undefined;
  const lowered = lowerCondition(body, scope);
  bound.release();
  const known = extents.filter((extent) => extent !== undefined);
  if (lowered === undefined || known.length < extents.length) return undefined;
  const variables = known.map((extent, position) => ({ name: bound.names[position] ?? "", extent }));
  return { variables, condition: lowered, span: reporter.spanOf(node) };
}

/** An integer over dimensions and scalars. */
function lowerExtent(node: ts.Expression, scope: Scope): Expr | undefined {
  const { reporter } = scope;
  const value = lowerExpression(node, scope);
  if (value === undefined) return undefined;
  let sizes = value.type === "int";
  visitExpr(value, ({ kind }) => {
    if (kind === "load" || kind === "index" || kind === "ghost" || kind === "local") sizes = false;
  });
  if (sizes) return value;
  const fix = "give a dimension, or an integer expression over dimensions and scalars";
  return reporter.report("TK196", node, `the extent ${quote(node)} is no integer over dimensions and scalars`, fix);
}

export interface BoundVariables {
  readonly names: readonly string[];
  /** Ends the variables' scope. */
  readonly release: () => void;
}

/** Makes a function's parameters integers with names of their own in the IR; `undefined` where one was refused. */
export function bindVariables(
  parameters: readonly ts.ParameterDeclaration[],
  code: Extract<Code, "TK196" | "TK199">,
  taken: ReadonlySet<string>,
  scope: Scope,
): BoundVariables | undefined {
  const { reporter, program, bindings } = scope;
  const before = reporter.count;
  const symbols: ts.Symbol[] = [];
  const names = parameters.map((parameter) => {
    const { name, initializer, dotDotDotToken, questionToken } = parameter;
    if (!ts.isIdentifier(name) || initializer || dotDotDotToken || questionToken) {
      reporter.report(code, parameter, `${quote(parameter)} is not a variable`, "name one variable: (i) => …");
      return "";
    }
    if (taken.has(name.text)) {
      reporter.report(code, name, `the variable ${name.text} hides another ${name.text}`, "give it a name of its own");
    }
    const unique = scope.names.take(name.text);
    const symbol = symbolOf(name, program.checker);
    if (symbol !== undefined) {
      symbols.push(symbol);
      bindings.set(symbol, { kind: "local", name: unique, type: "int", mutable: false, halves: [] });
    }
    return unique;
  });
  const release = (): void => {
    for (const symbol of symbols) bindings.delete(symbol);
  };
  if (reporter.count === before) return { names, release };
  release();
  return undefined;
}
