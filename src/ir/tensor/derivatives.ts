/**
 * Definitions of the operations that differentiation makes: the formulas of `OpFields`, element by element.
 *
 * That each is the derivative of the operation that it belongs to is a test (`test/moe/derivatives.test.ts`), which
 * differentiates the forward definitions symbolically.
 */

import { InternalError } from "../../support/result.ts";
import { type Arithmetic, byRow, type Definition, elementAt, item, matrixOf, operandAt, range } from "./arithmetic.ts";
import type { GeluForm } from "./types.ts";

export type DerivedKind =
  | "add"
  | "matmul-nn"
  | "matmul-tn"
  | "column-sum"
  | "column-dot"
  | "standardise"
  | "layer-norm-dx"
  | "gelu-dx"
  | "softmax-dx"
  | "top-k-dp"
  | "combine-dparts"
  | "combine-dweights";

export const DEFINITIONS: { readonly [K in DerivedKind]: Definition<K> } = {
  add: (op, operands, { arithmetic }) => {
    const [x, y] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    return { shape: x.shape, elements: x.elements.map((value, i) => arithmetic.add(value, elementAt(y, i))) };
  },
  "matmul-nn": (op, operands, { arithmetic }) => {
    const [x, w] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [rows = 0, depth = 0] = x.shape;
    const [, columns = 0] = w.shape;
    return matrixOf([rows, columns], (b, k) =>
      arithmetic.sum(
        range(depth).map((n) => arithmetic.multiply(elementAt(x, b * depth + n), elementAt(w, n * columns + k))),
      ),
    );
  },
  "matmul-tn": (op, operands, { arithmetic }) => {
    const [x, y] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [depth = 0, rows = 0] = x.shape;
    const [, columns = 0] = y.shape;
    return matrixOf([rows, columns], (n, k) =>
      arithmetic.sum(
        range(depth).map((b) => arithmetic.multiply(elementAt(x, b * rows + n), elementAt(y, b * columns + k))),
      ),
    );
  },
  "column-sum": (op, operands, { arithmetic }) => {
    const x = operandAt(op, operands, 0);
    const [rows = 0, columns = 0] = x.shape;
    const column = (n: number) => arithmetic.sum(range(rows).map((b) => elementAt(x, b * columns + n)));
    return { shape: [columns], elements: range(columns).map(column) };
  },
  "column-dot": (op, operands, { arithmetic }) => {
    const [x, y] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [rows = 0, columns = 0] = x.shape;
    const product = (i: number) => arithmetic.multiply(elementAt(x, i), elementAt(y, i));
    const column = (n: number) => arithmetic.sum(range(rows).map((b) => product(b * columns + n)));
    return { shape: [columns], elements: range(columns).map(column) };
  },
  standardise: (op, operands, { arithmetic, real }) =>
    byRow(operandAt(op, operands, 0), (row) => {
      return standardised(arithmetic, row, real("epsilon")).standard;
    }),
  "layer-norm-dx": (op, operands, { arithmetic, real }) => {
    const [gamma, dy] = [operandAt(op, operands, 1), operandAt(op, operands, 2)];
    return byRow(operandAt(op, operands, 0), (row, start) => {
      const gradients = row.map((_, n) => arithmetic.multiply(elementAt(dy, start + n), elementAt(gamma, n)));
      return layerNormGradient(arithmetic, row, gradients, real("epsilon"));
    });
  },
  "gelu-dx": (op, operands, { arithmetic }) => {
    const [x, dy] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const elements = x.elements.map((value, i) =>
      arithmetic.multiply(elementAt(dy, i), geluSlope(arithmetic, op.form, value)),
    );
    return { shape: x.shape, elements };
  },
  "softmax-dx": (op, operands, { arithmetic }) => {
    const dp = operandAt(op, operands, 1);
    return byRow(operandAt(op, operands, 0), (row, start) => {
      const mean = arithmetic.sum(row.map((p, n) => arithmetic.multiply(p, elementAt(dp, start + n))));
      return row.map((p, n) => arithmetic.multiply(p, arithmetic.subtract(elementAt(dp, start + n), mean)));
    });
  },
  "top-k-dp": (op, operands, { arithmetic }) => {
    const dw = operandAt(op, operands, 1);
    const zero = arithmetic.integer(0);
    return byRow(operandAt(op, operands, 0), (row, start) => {
      const chosen = (e: number, value: (e: number) => typeof zero) =>
        arithmetic.whereNonZero(item(row, e), value(e), zero);
      const own = (e: number) => elementAt(dw, start + e);
      if (op.p === undefined) return row.map((_, e) => chosen(e, own));
      const p = operandAt(op, operands, 2);
      // An entry that is not chosen is not divided, so that each may count itself.
      const total = (e: number) =>
        arithmetic.sum(
          row.map((_, j) => (j === e ? elementAt(p, start + j) : chosen(j, () => elementAt(p, start + j)))),
        );
      const mean = arithmetic.sum(row.map((w, e) => chosen(e, () => arithmetic.multiply(own(e), w))));
      return row.map((_, e) => chosen(e, () => arithmetic.divide(arithmetic.subtract(own(e), mean), total(e))));
    });
  },
  "combine-dparts": (op, operands, { arithmetic }) => {
    const [weights, dy] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [rows = 0, experts = 0] = weights.shape;
    const [, width = 0] = dy.shape;
    const elements = range(experts).flatMap((e) =>
      range(rows).flatMap((b) => {
        const weight = elementAt(weights, b * experts + e);
        const part = (n: number) => arithmetic.multiply(weight, elementAt(dy, b * width + n));
        return range(width).map((n) => arithmetic.whereNonZero(weight, part(n), arithmetic.integer(0)));
      }),
    );
    return { shape: [experts, rows, width], elements };
  },
  "combine-dweights": (op, operands, { arithmetic }) => {
    const [weights, parts, dy] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const [experts = 0, rows = 0, width = 0] = parts.shape;
    return matrixOf([rows, experts], (b, e) => {
      const product = (n: number) =>
        arithmetic.multiply(elementAt(dy, b * width + n), elementAt(parts, (e * rows + b) * width + n));
      const gradient = arithmetic.sum(range(width).map(product));
      return arithmetic.whereNonZero(elementAt(weights, b * experts + e), gradient, arithmetic.integer(0));
    });
  },
};

/** The gradient of a row that is standardised, from those of the result, which have gamma in them. */
export function layerNormGradient<T>(
  arithmetic: Arithmetic<T>,
  row: readonly T[],
  gradients: readonly T[],
  epsilon: T,
): readonly T[] {
  const { subtract, multiply, divide } = arithmetic;
  const { standard, scale } = standardised(arithmetic, row, epsilon);
  const count = arithmetic.integer(row.length);
  const mean = divide(arithmetic.sum(gradients), count);
  const slope = divide(arithmetic.sum(gradients.map((g, n) => multiply(g, item(standard, n)))), count);
  return gradients.map((g, n) => multiply(subtract(subtract(g, mean), multiply(item(standard, n), slope)), scale));
}

/** scale = 1/√(variance + epsilon) of a row, and its deviations from the mean times that. */
function standardised<T>(
  arithmetic: Arithmetic<T>,
  row: readonly T[],
  epsilon: T,
): { readonly standard: readonly T[]; readonly scale: T } {
  const { subtract, multiply, divide, sum, integer } = arithmetic;
  const count = integer(row.length);
  const mean = divide(sum(row), count);
  const centred = row.map((value) => subtract(value, mean));
  const variance = divide(sum(centred.map((value) => multiply(value, value))), count);
  const scale = divide(integer(1), arithmetic.call("sqrt", arithmetic.add(variance, epsilon)));
  return { standard: centred.map((value) => multiply(value, scale)), scale };
}

function geluSlope<T>({ literal, add, subtract, multiply, call }: Arithmetic<T>, form: GeluForm, x: T): T {
  const [half, one] = [literal(0.5), literal(1)];
  switch (form) {
    case "erf": {
      const z = multiply(x, literal(Math.SQRT1_2));
      const density = multiply(literal(1 / Math.sqrt(Math.PI)), call("exp", subtract(literal(0), multiply(z, z))));
      return add(multiply(half, add(one, call("erf", z))), multiply(z, density));
    }
    case "tanh": {
      const square = multiply(x, x);
      const cubic = multiply(literal(0.044715), square);
      const [scale, three] = [literal(Math.sqrt(2 / Math.PI)), literal(3)];
      const t = call("tanh", multiply(scale, add(x, multiply(cubic, x))));
      const inner = multiply(scale, add(one, multiply(three, cubic)));
      const rising = multiply(multiply(multiply(half, x), subtract(one, multiply(t, t))), inner);
      return add(multiply(half, add(one, t)), rising);
    }
    default:
      form satisfies never;
      throw new InternalError(`unknown form of GELU ${String(form)}`);
  }
}
