/** Numbers for expressions: values of the variables in, each expression's value in float64 out. */

import { erf } from "../../support/erf.ts";
import { InternalError } from "../../support/result.ts";
import { toDouble } from "./rational.ts";
import type { Real, RealFunction, RealNode, Reals } from "./reals.ts";

const FUNCTIONS: { readonly [F in RealFunction]: (x: number) => number } = {
  exp: Math.exp,
  log: Math.log,
  erf,
  tanh: Math.tanh,
  sqrt: Math.sqrt,
  abs: Math.abs,
};

/** Gives the value of any of the wanted expressions, asking for those of the variables in them. What has no value is NaN. */
export type Evaluator = (variable: (real: Real) => number) => (real: Real) => number;

/** Looks up once what the wanted expressions need, for many evaluations. */
export function evaluatorOf(reals: Reals, wanted: readonly Real[]): Evaluator {
  const needed = new Set<Real>(wanted);
  const open = [...needed];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const operand of operandsOf(reals.node(next))) {
      if (needed.has(operand)) continue;
      needed.add(operand);
      open.push(operand);
    }
  }
  // Operands have smaller numbers than what uses them.
  const order = [...needed].sort((a, b) => a - b);
  const values = new Float64Array((order.at(-1) ?? -1) + 1);
  return (variable) => {
    for (const real of order) values[real] = evaluate(real, reals.node(real), values, variable);
    return (real) => values[real] ?? Number.NaN;
  };
}

function operandsOf(node: RealNode): readonly Real[] {
  switch (node.kind) {
    case "constant":
    case "variable":
    case "undefined":
      return [];
    case "add":
    case "multiply":
    case "max":
      return [node.left, node.right];
    case "inverse":
    case "call":
    case "positive":
    case "positive-integer":
    case "zero":
      return [node.value];
    case "select":
      return [node.condition, node.then, node.else];
    default:
      node satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** A comparison of what has no value, such as the root of a negative number, has none either. */
function outcome(value: number, holds: (value: number) => boolean): number {
  return Number.isNaN(value) ? value : holds(value) ? 1 : 0;
}

function evaluate(real: Real, node: RealNode, values: Float64Array, variable: (real: Real) => number): number {
  const at = (operand: Real): number => values[operand] ?? Number.NaN;
  switch (node.kind) {
    case "constant":
      return toDouble(node.value);
    case "variable":
      return variable(real);
    case "undefined":
      return Number.NaN;
    case "add":
      return at(node.left) + at(node.right);
    case "multiply":
      return at(node.left) * at(node.right);
    case "max":
      return Math.max(at(node.left), at(node.right));
    case "inverse":
      return 1 / at(node.value);
    case "call":
      return FUNCTIONS[node.fn](at(node.value));
    case "positive":
    case "positive-integer":
      return outcome(at(node.value), (value) => value > 0);
    case "zero":
      return outcome(at(node.value), (value) => value === 0);
    case "select": {
      const condition = at(node.condition);
      return Number.isNaN(condition) ? condition : condition === 0 ? at(node.else) : at(node.then);
    }
    default:
      node satisfies never;
      throw new InternalError("unknown expression");
  }
}
