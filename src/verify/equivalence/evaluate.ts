/** Numbers for expressions: values of the variables in, each expression's value in float64 out. */

import { erf } from "../../support/erf.ts";
import { InternalError } from "../../support/result.ts";
import { toDouble } from "./rational.ts";
import type { Real, RealFunction, Reals } from "./reals.ts";

const FUNCTIONS: { readonly [F in RealFunction]: (x: number) => number } = {
  exp: Math.exp,
  log: Math.log,
  erf,
  tanh: Math.tanh,
  sqrt: Math.sqrt,
  abs: Math.abs,
};

/** Values by number, of all expressions up to the last of `wanted`. What has no value is NaN. */
export function evaluateReals(
  reals: Reals,
  wanted: readonly Real[],
  variables: ReadonlyMap<Real, number>,
): Float64Array {
  const values = new Float64Array(wanted.reduce((last, real) => Math.max(last, real), -1) + 1);
  const at = (real: Real): number => values[real] ?? Number.NaN;
  for (let real = 0; real < values.length; real++) {
    const node = reals.node(real);
    switch (node.kind) {
      case "constant":
        values[real] = toDouble(node.value);
        break;
      case "variable":
        values[real] = variables.get(real) ?? Number.NaN;
        break;
      case "undefined":
        values[real] = Number.NaN;
        break;
      case "add":
        values[real] = at(node.left) + at(node.right);
        break;
      case "multiply":
        values[real] = at(node.left) * at(node.right);
        break;
      case "max":
        values[real] = Math.max(at(node.left), at(node.right));
        break;
      case "inverse":
        values[real] = 1 / at(node.value);
        break;
      case "call":
        values[real] = FUNCTIONS[node.fn](at(node.value));
        break;
      case "positive":
      case "positive-integer":
        values[real] = at(node.value) > 0 ? 1 : 0;
        break;
      case "zero":
        values[real] = at(node.value) === 0 ? 1 : 0;
        break;
      case "select":
        values[real] = at(node.condition) === 0 ? at(node.else) : at(node.then);
        break;
      default:
        node satisfies never;
        throw new InternalError("unknown expression");
    }
  }
  return values;
}
