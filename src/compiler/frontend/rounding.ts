/** Rounding to halves: `f16(x)`, `stochasticRound(f16, x, random)` and `randomBits(…)`, and what may be stored. */

import type { ts } from "ts-morph";
import * as build from "../../ir/kernel/build.ts";
import { type HalfElement, isHalfElement } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { formatsHolding } from "../../ir/kernel/half.ts";
import type { LowerExpression } from "./element.ts";
import { elementName, quote, type Scope } from "./scope.ts";

const FORMS = {
  f16: "f16(x)",
  bf16: "bf16(x)",
  stochasticRound: "stochasticRound(f16, x, randomBits(seed, stream, step, index))",
  randomBits: "randomBits(seed, stream, step, index)",
} as const;
type RoundingName = keyof typeof FORMS;

export function isRoundingName(name: string): name is RoundingName {
  return Object.hasOwn(FORMS, name);
}

export function lowerRounding(
  name: RoundingName,
  node: ts.CallExpression,
  scope: Scope,
  lower: LowerExpression,
): Expr | undefined {
  const { reporter } = scope;
  const span = reporter.spanOf(node);
  const given = node.arguments.length;
  const refuse = (at: ts.Node, fact: string): undefined => reporter.report("TK169", at, fact, `write ${FORMS[name]}`);
  if (scope.clause !== "code") {
    return reporter.report(
      "TK168",
      node,
      `${quote(node)} stands outside of the code that threads run`,
      "decide by dimensions, scalars and elements of integer tensors",
    );
  }
  const values = (nodes: readonly ts.Expression[], types: readonly ("f32" | "int")[]): readonly Expr[] | undefined => {
    const found = nodes.map((argument) => lower(argument, scope));
    for (const [i, value] of found.entries()) {
      if (value === undefined) return undefined;
      if (value.type === types[i]) continue;
      const wanted = types[i] === "int" ? "an integer" : "a float";
      return refuse(nodes[i] ?? node, `${name} takes ${wanted} here, and ${quote(nodes[i] ?? node)} is none`);
    }
    return found.filter((value) => value !== undefined);
  };
  switch (name) {
    case "f16":
    case "bf16": {
      if (given !== 1) return refuse(node, `${name} takes 1 argument, and is given ${given}`);
      const [value] = values(node.arguments, ["f32"]) ?? [];
      return value && build.round(name, value, undefined, span);
    }
    case "stochasticRound": {
      const [element, ...rest] = node.arguments;
      const to = element && elementName(element, scope);
      if (given !== 3 || to === undefined || !isHalfElement(to)) {
        return refuse(node, `${quote(node)} does not name f16 or bf16, a float and a random integer`);
      }
      const [value, random] = values(rest, ["f32", "int"]) ?? [];
      return value && random && build.round(to, value, random, span);
    }
    case "randomBits": {
      if (given !== 4) return refuse(node, `randomBits takes 4 arguments, and is given ${given}`);
      const [seed, stream, step, index] = values(node.arguments, ["int", "int", "int", "int"]) ?? [];
      return seed && stream && step && index && build.random([seed, stream, step, index], span);
    }
    default:
      name satisfies never;
      return undefined;
  }
}

/** The half formats into whose arrays storing the value rounds nothing. */
export function halvesOf(value: Expr, scope: Scope): readonly HalfElement[] {
  const bindings = [...scope.bindings.values()];
  return formatsHolding(
    {
      local: (name) => {
        const found = bindings.find((binding) => binding.kind === "local" && binding.name === name);
        return found?.kind === "local" ? found.halves : [];
      },
      element: (array) => {
        for (const binding of bindings) {
          if (binding.kind === "tensor" && binding.param.name === array) return binding.param.element;
          if (binding.kind === "array" && binding.array.name === array) return binding.array.element;
        }
        return undefined;
      },
    },
    value,
  );
}
