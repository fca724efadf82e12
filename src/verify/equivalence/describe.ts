/**
 * Expressions as text for a reader: `x[0][0]*w[0][0] + bias[0]`.
 *
 * What is longer than the reader will read ends in `…`; a large expression is cut while it is printed.
 */

import { InternalError } from "../../support/result.ts";
import { textOf, toDouble } from "./rational.ts";
import type { Real, Reals } from "./reals.ts";

const MAX_LENGTH = 160;

const LOOSE = 1;
const TIGHT = 2;
const ATOMIC = 3;

export function describeReal(reals: Reals, real: Real): string {
  let room = 4 * MAX_LENGTH;
  const print = (expression: Real, binding: number): string => {
    if (room <= 0) return "…";
    room--;
    const node = reals.node(expression);
    const wrap = (strength: number, text: string): string => (strength < binding ? `(${text})` : text);
    switch (node.kind) {
      case "constant": {
        const exact = textOf(node.value);
        const text = exact.length > 12 ? String(Number(toDouble(node.value).toPrecision(9))) : exact;
        return /^-|\//.test(text) ? wrap(TIGHT, text) : text;
      }
      case "variable":
        return node.name;
      case "undefined":
        return `‹${node.why}›`;
      case "add": {
        const [left, right] = [print(node.left, LOOSE), print(node.right, LOOSE)];
        return wrap(LOOSE, right.startsWith("-") ? `${left} - ${right.slice(1)}` : `${left} + ${right}`);
      }
      case "multiply": {
        if (reals.valueOf(node.left) === -1) return wrap(LOOSE, `-${print(node.right, TIGHT)}`);
        const right = reals.node(node.right);
        if (right.kind === "inverse") return wrap(TIGHT, `${print(node.left, TIGHT)}/${print(right.value, ATOMIC)}`);
        const left = reals.node(node.left);
        if (left.kind === "inverse") return wrap(TIGHT, `${print(node.right, TIGHT)}/${print(left.value, ATOMIC)}`);
        return wrap(TIGHT, `${print(node.left, TIGHT)}*${print(node.right, TIGHT)}`);
      }
      case "max":
        return `max(${print(node.left, LOOSE)}, ${print(node.right, LOOSE)})`;
      case "inverse":
        return wrap(TIGHT, `1/${print(node.value, ATOMIC)}`);
      case "call":
        return `${node.fn}(${print(node.value, LOOSE)})`;
      case "positive":
      case "positive-integer":
        return `[${print(node.value, LOOSE)} > 0]`;
      case "zero":
        return `[${print(node.value, LOOSE)} = 0]`;
      case "select":
        return `(${print(node.condition, LOOSE)} ? ${print(node.then, LOOSE)} : ${print(node.else, LOOSE)})`;
      default:
        node satisfies never;
        throw new InternalError("unknown expression");
    }
  };
  const text = print(real, LOOSE);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}
