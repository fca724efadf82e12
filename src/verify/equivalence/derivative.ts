/**
 * Symbolic derivatives: an expression over the reals → its partial derivatives, as expressions.
 *
 * Reverse mode: an expression's number is above its operands', so that descending numbers visit each after all that use
 * it. The derivative holds where no comparison changes its outcome; a bracket's own derivative is 0 there.
 */

import { InternalError } from "../../support/result.ts";
import type { Real, Reals } from "./reals.ts";

/** The derivative of `expression` by each of `variables`, in order. */
export function derivatives(reals: Reals, expression: Real, variables: readonly Real[]): readonly Real[] {
  const adjoints = new Map<Real, Real>([[expression, reals.one]]);
  const add = (operand: Real, amount: Real): void => {
    adjoints.set(operand, reals.add(adjoints.get(operand) ?? reals.zero, amount));
  };
  for (let real = expression; real >= 0; real--) {
    const adjoint = adjoints.get(real);
    if (adjoint !== undefined) propagate(reals, real, adjoint, add);
  }
  return variables.map((variable) => adjoints.get(variable) ?? reals.zero);
}

function propagate(reals: Reals, real: Real, adjoint: Real, add: (operand: Real, amount: Real) => void): void {
  const node = reals.node(real);
  switch (node.kind) {
    case "constant":
    case "variable":
    case "undefined":
    case "positive":
    case "positive-integer":
    case "zero":
      return;
    case "add":
      add(node.left, adjoint);
      add(node.right, adjoint);
      return;
    case "multiply":
      add(node.left, reals.multiply(adjoint, node.right));
      add(node.right, reals.multiply(adjoint, node.left));
      return;
    case "max": {
      const left = reals.positive(reals.subtract(node.left, node.right));
      add(node.left, reals.select(left, adjoint, reals.zero));
      add(node.right, reals.select(left, reals.zero, adjoint));
      return;
    }
    case "inverse":
      add(node.value, reals.negate(reals.multiply(adjoint, reals.multiply(real, real))));
      return;
    case "select":
      add(node.then, reals.select(node.condition, adjoint, reals.zero));
      add(node.else, reals.select(node.condition, reals.zero, adjoint));
      return;
    case "call":
      add(node.value, reals.multiply(adjoint, slope(reals, node.fn, real, node.value)));
      return;
    default:
      node satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** The derivative of a function at `x`, where its value is `y`. Constants are the f32 nearest to them. */
function slope(reals: Reals, fn: "exp" | "log" | "erf" | "tanh" | "sqrt" | "abs", y: Real, x: Real): Real {
  switch (fn) {
    case "exp":
      return y;
    case "log":
      return reals.inverse(x);
    case "erf": {
      const density = reals.call("exp", reals.negate(reals.multiply(x, x)));
      return reals.multiply(reals.double(Math.fround(2 / Math.sqrt(Math.PI))), density);
    }
    case "tanh":
      return reals.subtract(reals.one, reals.multiply(y, y));
    case "sqrt":
      return reals.divide(reals.double(0.5), y);
    case "abs":
      return reals.divide(x, y);
    default:
      fn satisfies never;
      throw new InternalError("unknown function");
  }
}
