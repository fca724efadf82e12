/**
 * Ghosts: `prefixSum(counts, e)`, `occurrences(ids, t, e)` and `below(ids, t, e)`, functions of an index tensor's contents
 * that no thread computes. They stand in `requires`, `ensures` and `invariant`; `nthOccurrence(ids, T, e, n)` in `covers`.
 */

import { ts } from "ts-morph";
import * as build from "../../ir/kernel/build.ts";
import { isFloat } from "../../ir/kernel/elements.ts";
import type { Expr, GhostFunction } from "../../ir/kernel/expr.ts";
import { type LowerExpression, plural } from "./element.ts";
import { quote, type Scope, skipParentheses, symbolOf } from "./scope.ts";

export const GHOSTS: ReadonlyMap<string, GhostFunction> = new Map([
  ["prefixSum", "prefix-sum"],
  ["occurrences", "occurrences"],
  ["below", "below"],
  ["nthOccurrence", "nth-occurrence"],
]);
const FORMS: Readonly<Record<GhostFunction, string>> = {
  "prefix-sum": "prefixSum(counts, end)",
  occurrences: "occurrences(ids, end, value)",
  below: "below(ids, end, value)",
  "nth-occurrence": "nthOccurrence(ids, end, value, n)",
};

export function lowerGhost(
  fn: GhostFunction,
  node: ts.CallExpression,
  scope: Scope,
  lower: LowerExpression,
): Expr | undefined {
  const { reporter, clause, program } = scope;
  const name = quote(node.expression);
  if (fn === "nth-occurrence" && clause !== "covers") {
    const fix = "use it in covers; elsewhere state ids[t] === value and occurrences(ids, t, value) === n";
    return reporter.report("TK197", node, `${name} is a witness for covers: no thread computes it`, fix);
  }
  if (fn !== "nth-occurrence" && (clause === "code" || clause === "launch" || clause === "covers")) {
    const fix = "use it in requires, ensures or invariant; compute what the kernel needs in a loop";
    return reporter.report("TK197", node, `${name} is for specifications: no thread computes it`, fix);
  }
  const [arrayNode, ...rest] = node.arguments;
  const count = build.GHOST_FUNCTIONS[fn];
  if (arrayNode === undefined || rest.length !== count) {
    const fact = `${name} takes ${plural(count + 1, "argument", "arguments")}, and is given ${node.arguments.length}`;
    return reporter.report("TK169", node, fact, `write ${FORMS[fn]}`);
  }
  const values = rest.map((argument) => lower(argument, scope));
  const inner = skipParentheses(arrayNode);
  const symbol = ts.isIdentifier(inner) ? symbolOf(inner, program.checker) : undefined;
  const binding = symbol && scope.bindings.get(symbol);
  if (binding?.kind === "refused") return undefined;
  if (binding?.kind !== "tensor") {
    const fact = `${quote(arrayNode)} is not a tensor parameter`;
    return reporter.report("TK197", arrayNode, fact, `write ${FORMS[fn]}, with an integer input of one axis`);
  }
  const { name: tensor, role, element, shape } = binding.param;
  const refuse = (fact: string, fix: string): undefined => reporter.report("TK197", arrayNode, fact, fix);
  if (role !== "input") {
    return refuse(`${tensor} is an ${role}, whose contents change while the kernel runs`, "use it of an input");
  }
  if (isFloat(element)) return refuse(`${tensor} holds floats`, "use it of an input of i32, u32 or i64");
  if (shape.length !== 1) {
    return refuse(`${tensor} has ${plural(shape.length, "axis", "axes")}`, "use it of an input of one axis");
  }
  for (const [position, value] of values.entries()) {
    if (value === undefined || value.type === "int") continue;
    const at = rest[position] ?? node;
    const fact = `${name} takes integers, and ${quote(at)} is ${value.type === "f32" ? "a float" : "a boolean"}`;
    return reporter.report("TK169", at, fact, `write ${FORMS[fn]}`);
  }
  const args = values.filter((value) => value !== undefined);
  if (args.length < values.length) return undefined;
  return build.ghost(fn, { space: "global", name: tensor }, args, reporter.spanOf(node));
}
