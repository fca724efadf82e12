/**
 * `covers(y, (i) => ({ block: [div(i, 64)], thread: [mod(i, 64)], k }))`: who writes the element of an output at these
 * indices, in which iteration of the loops around the store.
 */

import { ts } from "ts-morph";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { CoversClause, Stmt } from "../../ir/kernel/types.ts";
import { visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { plural } from "./element.ts";
import { lowerExpression, lowerName } from "./expression.ts";
import { bindVariables } from "./quantifier.ts";
import { quote, type Scope, skipParentheses, symbolOf, tensorOf } from "./scope.ts";

const FORM = "write covers(y, (i) => ({ block: [div(i, 64)], thread: [mod(i, 64)] }))";

/** `body` is the kernel's, whose counters the clause names; `undefined` where statements of it were refused. */
export function lowerCovers(
  call: ts.CallExpression,
  body: readonly Stmt[] | undefined,
  taken: ReadonlySet<string>,
  scope: Scope,
): CoversClause | undefined {
  const { reporter, program } = scope;
  const refuse = (at: ts.Node, fact: string, fix = FORM): undefined => reporter.report("TK199", at, fact, fix);
  const [target, witness, ...more] = call.arguments;
  if (target === undefined || witness === undefined || more.length > 0) {
    return refuse(call, `covers takes 2 arguments, and is given ${call.arguments.length}`);
  }
  const inner = skipParentheses(target);
  const symbol = ts.isIdentifier(inner) ? symbolOf(inner, program.checker) : undefined;
  const binding = symbol && scope.bindings.get(symbol);
  if (binding?.kind === "refused") return undefined;
  if (binding?.kind !== "tensor" || binding.param.role !== "output") {
    const known = binding?.kind === "tensor" ? `${quote(target)} is an ${binding.param.role}` : undefined;
    const fact = `${known ?? `${quote(target)} is no tensor parameter`}, and only outputs are covered`;
    return refuse(target, fact, "name an output; remove the clause where there is none");
  }
  const { name: array, shape } = binding.param;
  const fn = skipParentheses(witness);
  const object = ts.isArrowFunction(fn) && !ts.isBlock(fn.body) ? skipParentheses(fn.body) : undefined;
  if (!ts.isArrowFunction(fn) || object === undefined || !ts.isObjectLiteralExpression(object)) {
    return refuse(witness, `${quote(witness)} is not an arrow function to an object`);
  }
  if (fn.parameters.length !== shape.length) {
    const [axes, variables] = [
      plural(shape.length, "axis", "axes"),
      plural(fn.parameters.length, "variable", "variables"),
    ];
    return refuse(fn, `${array} has ${axes}, and the witness ${variables}`, "give the witness one variable per axis");
  }
  const bound = bindVariables(fn.parameters, "TK199", taken, scope);
  if (bound === undefined) return undefined;
  const fields = lowerFields(object, array, body, scope);
  bound.release();
  if (fields === undefined) return undefined;
  const { block, thread, counters } = fields;
  return {
    array,
    variables: bound.names,
    ...(block && { block }),
    ...(thread && { thread }),
    counters,
    span: reporter.spanOf(call),
  };
}

type Fields = Pick<CoversClause, "block" | "thread" | "counters">;

function lowerFields(
  object: ts.ObjectLiteralExpression,
  array: string,
  body: readonly Stmt[] | undefined,
  scope: Scope,
): Fields | undefined {
  const { reporter } = scope;
  const before = reporter.count;
  const triples = new Map<string, readonly Expr[]>();
  const counters: { readonly name: string; readonly value: Expr }[] = [];
  for (const property of object.properties) {
    const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
    if (name === undefined || !(ts.isPropertyAssignment(property) || ts.isShorthandPropertyAssignment(property))) {
      reporter.report("TK199", property, `${quote(property)} is neither block, thread nor a loop's counter`, FORM);
      continue;
    }
    if (name === "block" || name === "thread") {
      const list = ts.isPropertyAssignment(property) ? lowerTriple(property.initializer, scope) : undefined;
      if (list !== undefined) triples.set(name, list);
      else if (ts.isShorthandPropertyAssignment(property)) refuseTriple(property, scope);
      continue;
    }
    const value = ts.isPropertyAssignment(property)
      ? lowerWitness(property.initializer, scope)
      : lowerShorthand(property, scope);
    if (body === undefined || value === undefined) continue;
    const loops = countersOf(name, array, body, scope);
    if (loops.length === 0) {
      const fact = `no loop over ${name} writes ${array}`;
      const fix = `name the counter of a loop around the store to ${array}, or remove ${name}`;
      reporter.report("TK199", property, fact, fix);
    }
    for (const counter of loops) counters.push({ name: counter, value });
  }
  if (object.properties.length === 0) reporter.report("TK199", object, "the witness names nobody", FORM);
  if (reporter.count > before) return undefined;
  const [block, thread] = [triples.get("block"), triples.get("thread")];
  return { ...(block && { block }), ...(thread && { thread }), counters };
}

function lowerTriple(node: ts.Expression, scope: Scope): readonly Expr[] | undefined {
  if (!ts.isArrayLiteralExpression(node) || node.elements.length < 1 || node.elements.length > 3) {
    return refuseTriple(node, scope);
  }
  const values = node.elements.map((element) => lowerWitness(element, scope));
  const known = values.filter((value) => value !== undefined);
  return known.length < values.length ? undefined : known;
}

function refuseTriple(node: ts.Node, scope: Scope): undefined {
  const fact = `${quote(node)} is not a list of one to three indices`;
  return scope.reporter.report("TK199", node, fact, "list the indices, x first: thread: [mod(i, 64)]");
}

function lowerShorthand(property: ts.ShorthandPropertyAssignment, scope: Scope): Expr | undefined {
  const symbol = scope.program.checker.getShorthandAssignmentValueSymbol(property);
  return checkWitness(property.name, lowerName(property.name, symbol, scope), scope);
}

function lowerWitness(node: ts.Expression, scope: Scope): Expr | undefined {
  return checkWitness(node, lowerExpression(node, scope), scope);
}

/** An integer over the element's indices, dimensions, scalars and integer inputs. */
function checkWitness(node: ts.Expression, value: Expr | undefined, scope: Scope): Expr | undefined {
  if (value === undefined) return undefined;
  let wrong = value.type === "int" ? undefined : "is no integer";
  visitExpr(value, (part) => {
    if (part.kind === "index") wrong ??= "depends on the thread that it has to name";
    if (part.kind === "load" && tensorOf(part.array, scope)?.role !== "input") {
      wrong ??= `reads ${part.array.name}, which the kernel may write`;
    }
  });
  if (wrong === undefined) return value;
  const fix = "use the element's indices, dimensions, scalars and elements of integer inputs";
  return scope.reporter.report("TK199", node, `${quote(node)} ${wrong}`, fix);
}

/** The names in the IR of the loops over `name` around a write to the array. */
function countersOf(name: string, array: string, body: readonly Stmt[], scope: Scope): readonly string[] {
  const named = new Set<string>();
  for (const [symbol, binding] of scope.bindings) {
    if (binding.kind === "counter" && symbol.name === name) named.add(binding.name);
  }
  const found: string[] = [];
  visitStmts(body, (stmt) => {
    if ((stmt.kind !== "for" && stmt.kind !== "steps") || !named.has(stmt.counter)) return;
    if (writes(stmt.body, array)) found.push(stmt.counter);
  });
  return found;
}

function writes(body: readonly Stmt[], array: string): boolean {
  let found = false;
  visitStmts(body, (stmt) => {
    if (stmt.kind === "store" || stmt.kind === "atomic") found ||= stmt.array.name === array;
    if (stmt.kind === "vector" && stmt.direction === "store") found ||= stmt.array.name === array;
  });
  return found;
}
