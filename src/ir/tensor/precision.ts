/** Definitions of the operations of training with f16 weights: the formulas of `PrecisionFields`, in any arithmetic. */

import { type Definition, elementAt, operandAt } from "./arithmetic.ts";
import { F32_MAX } from "./error-model.ts";
import { LARGEST_LOSS_SCALE, type PrecisionKind, SMALLEST_LOSS_SCALE } from "./precision-ops.ts";

export const PRECISION_DEFINITIONS: { readonly [K in PrecisionKind]: Definition<K> } = {
  "round-half": (op, operands) => operandAt(op, operands, 0),
  "round-half-by-chance": (op, operands) => operandAt(op, operands, 0),
  choose: (op, operands, { arithmetic }) => {
    const condition = elementAt(operandAt(op, operands, 0), 0);
    const [x, otherwise] = [operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const elements = x.elements.map((value, i) => arithmetic.whereNonZero(condition, value, elementAt(otherwise, i)));
    return { shape: x.shape, elements };
  },
  "loss-scale-factor": (op, operands, { arithmetic, real }) => {
    const { call, divide, integer, literal, whereAtMost } = arithmetic;
    const [squares, scale] = [elementAt(operandAt(op, operands, 0), 0), elementAt(operandAt(op, operands, 1), 0)];
    const norm = divide(call("sqrt", squares), scale);
    const most = real("max_norm");
    const clip = whereAtMost(norm, most, integer(1), divide(most, norm));
    return { shape: [1], elements: [whereAtMost(squares, literal(F32_MAX), divide(clip, scale), integer(0))] };
  },
  "loss-scale-state": (op, operands, { arithmetic, real }) => {
    const { add, integer, literal, max, multiply, subtract, whereAtMost } = arithmetic;
    const [squares, state] = [elementAt(operandAt(op, operands, 0), 0), operandAt(op, operands, 1)];
    const [scale, passed] = [elementAt(state, 0), add(elementAt(state, 1), integer(1))];
    // min(a, b) = −max(−a, −b)
    const doubled = subtract(integer(0), max(multiply(integer(-2), scale), integer(-LARGEST_LOSS_SCALE)));
    const halved = max(multiply(literal(0.5), scale), integer(SMALLEST_LOSS_SCALE));
    const next = whereAtMost(real("interval"), passed, doubled, scale);
    const count = whereAtMost(real("interval"), passed, integer(0), passed);
    const finite = literal(F32_MAX);
    return {
      shape: [2],
      elements: [whereAtMost(squares, finite, next, halved), whereAtMost(squares, finite, count, integer(0))],
    };
  },
};
