/** Definitions of the losses and of their gradients: the formulas of `OpFields`, in any arithmetic. */

import {
  type Arithmetic,
  type Definition,
  type Elements,
  elementAt,
  item,
  matrixOf,
  operandAt,
  range,
} from "./arithmetic.ts";

import { F32_MAX } from "./error-model.ts";

export type LossKind = "cross-entropy" | "cross-entropy-dx" | "z-loss" | "z-loss-dx" | "balance-coefficients";

export const LOSS_DEFINITIONS: { readonly [K in LossKind]: Definition<K> } = {
  "cross-entropy": (op, operands, { arithmetic, integer }) => {
    const [x, first, second] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const split = integer("split");
    return matrixOf([x.shape[0] ?? 0, 1], (b) => {
      const row = rowOf(x, b);
      const head = (logits: readonly (typeof row)[number][], label: (typeof row)[number]) => {
        const { largest, total } = shifted(arithmetic, logits);
        const own = item(logits, arithmetic.index(label, logits.length));
        return arithmetic.add(arithmetic.subtract(largest, own), arithmetic.call("log", total));
      };
      return arithmetic.add(
        head(row.slice(0, split), elementAt(first, b)),
        head(row.slice(split), elementAt(second, b)),
      );
    });
  },
  "cross-entropy-dx": (op, operands, { arithmetic, integer }) => {
    const [x, dloss] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [first, second] = [operandAt(op, operands, 2), operandAt(op, operands, 3)];
    const [split, { subtract, multiply }] = [integer("split"), arithmetic];
    const [rows = 0, columns = 0] = x.shape;
    const gradients = range(rows).flatMap((b) => {
      const row = rowOf(x, b);
      const head = (logits: readonly (typeof row)[number][], label: (typeof row)[number]) => {
        const own = arithmetic.index(label, logits.length);
        return softmax(arithmetic, logits).map((p, n) =>
          multiply(elementAt(dloss, b), subtract(p, arithmetic.integer(n === own ? 1 : 0))),
        );
      };
      return [...head(row.slice(0, split), elementAt(first, b)), ...head(row.slice(split), elementAt(second, b))];
    });
    return { shape: [rows, columns], elements: gradients };
  },
  "z-loss": (op, operands, { arithmetic, real }) => {
    const x = operandAt(op, operands, 0);
    return matrixOf([x.shape[0] ?? 0, 1], (b) => {
      const value = logSumExp(arithmetic, rowOf(x, b));
      return arithmetic.multiply(real("beta"), arithmetic.multiply(value, value));
    });
  },
  "z-loss-dx": (op, operands, { arithmetic, real }) => {
    const [x, dloss] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const { multiply } = arithmetic;
    const [rows = 0] = x.shape;
    const elements = range(rows).flatMap((b) => {
      const row = rowOf(x, b);
      const value = logSumExp(arithmetic, row);
      const factor = multiply(elementAt(dloss, b), multiply(arithmetic.literal(2), multiply(real("beta"), value)));
      return softmax(arithmetic, row).map((p) => multiply(factor, p));
    });
    return { shape: x.shape, elements };
  },
  "balance-coefficients": (op, operands, { arithmetic, real, integer }) => {
    const w = operandAt(op, operands, 0);
    const [rows = 0, experts = 0] = w.shape;
    const { multiply, divide } = arithmetic;
    const [zero, one] = [arithmetic.integer(0), arithmetic.integer(1)];
    const assignments = arithmetic.integer(integer("k") * rows);
    return matrixOf([1, experts], (_, e) => {
      const chosen = range(rows).map((b) => arithmetic.whereNonZero(elementAt(w, b * experts + e), one, zero));
      const share = rows === 0 ? zero : divide(arithmetic.sum(chosen), assignments);
      return multiply(multiply(real("alpha"), arithmetic.integer(experts)), share);
    });
  },
};

function rowOf<T>({ shape, elements }: Elements<T>, row: number): readonly T[] {
  const width = shape.at(-1) ?? 0;
  return elements.slice(row * width, (row + 1) * width);
}

/** The exponentials of what is left of each number when the largest (or the lowest f32) is taken out, and their sum. */
function shifted<T>(
  { literal, subtract, sum, max, call }: Arithmetic<T>,
  x: readonly T[],
): { readonly largest: T; readonly powers: readonly T[]; readonly total: T } {
  const largest = x.reduce((a, b) => max(a, b), literal(-F32_MAX));
  const powers = x.map((value) => call("exp", subtract(value, largest)));
  return { largest, powers, total: sum(powers) };
}

function logSumExp<T>(arithmetic: Arithmetic<T>, x: readonly T[]): T {
  const { largest, total } = shifted(arithmetic, x);
  return arithmetic.add(largest, arithmetic.call("log", total));
}

function softmax<T>(arithmetic: Arithmetic<T>, x: readonly T[]): readonly T[] {
  const { powers, total } = shifted(arithmetic, x);
  return powers.map((power) => arithmetic.divide(power, total));
}
