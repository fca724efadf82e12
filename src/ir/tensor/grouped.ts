/** Definitions of the path back through sparse dispatch: the formulas of `GroupedFields`, in any arithmetic. */

import {
  type Arithmetic,
  byRow,
  type Definition,
  type Elements,
  elementAt,
  item,
  matrixOf,
  operandAt,
  range,
} from "./arithmetic.ts";
import { layerNormGradient } from "./derivatives.ts";
import type { GroupedKind } from "./grouped-ops.ts";

export const GROUPED_DEFINITIONS: { readonly [K in GroupedKind]: Definition<K> } = {
  "grouped-matmul-nn": (op, operands, { arithmetic }) => {
    const [x, w, expert] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 3)];
    const [rows = 0, depth = 0] = x.shape;
    const [experts = 0, , columns = 0] = w.shape;
    return matrixOf([rows, columns], (p, k) => {
      const e = arithmetic.index(elementAt(expert, p), experts);
      const product = (n: number) =>
        arithmetic.multiply(elementAt(x, p * depth + n), elementAt(w, (e * depth + n) * columns + k));
      return arithmetic.sum(range(depth).map(product));
    });
  },
  "grouped-matmul-tn": (op, operands, { arithmetic }) => {
    const [x, y] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [, rows = 0] = x.shape;
    const [, columns = 0] = y.shape;
    const groups = groupsOf(arithmetic, operandAt(op, operands, 2), x);
    const elements = groups.flatMap((group) => {
      const product = (p: number, n: number, k: number) =>
        arithmetic.multiply(elementAt(x, p * rows + n), elementAt(y, p * columns + k));
      return matrixOf([rows, columns], (n, k) => arithmetic.sum(group.map((p) => product(p, n, k)))).elements;
    });
    return { shape: [groups.length, rows, columns], elements };
  },
  "grouped-column-sum": (op, operands, { arithmetic }) => {
    const x = operandAt(op, operands, 0);
    const [, columns = 0] = x.shape;
    const groups = groupsOf(arithmetic, operandAt(op, operands, 1), x);
    const sums = groups.map((group) => (n: number) => arithmetic.sum(group.map((p) => elementAt(x, p * columns + n))));
    return { shape: [groups.length, columns], elements: sums.flatMap((sum) => range(columns).map(sum)) };
  },
  "grouped-column-dot": (op, operands, { arithmetic }) => {
    const [x, y] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [, columns = 0] = x.shape;
    const groups = groupsOf(arithmetic, operandAt(op, operands, 2), x);
    const product = (i: number) => arithmetic.multiply(elementAt(x, i), elementAt(y, i));
    return matrixOf([groups.length, columns], (e, n) =>
      arithmetic.sum(item(groups, e).map((p) => product(p * columns + n))),
    );
  },
  "grouped-layer-norm-dx": (op, operands, { arithmetic, real }) => {
    const [gamma, dy, expert] = [operandAt(op, operands, 1), operandAt(op, operands, 2), operandAt(op, operands, 3)];
    const [experts = 0, width = 0] = gamma.shape;
    return byRow(operandAt(op, operands, 0), (row, start) => {
      const e = arithmetic.index(elementAt(expert, start / width), experts);
      const gradients = row.map((_, n) =>
        arithmetic.multiply(elementAt(dy, start + n), elementAt(gamma, e * width + n)),
      );
      return layerNormGradient(arithmetic, row, gradients, real("epsilon"));
    });
  },
  "combine-rows-dparts": (op, operands, { arithmetic }) => {
    const [gates, dy, source] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const [rows = 0, choices = 0] = gates.shape;
    const [, width = 0] = dy.shape;
    const [places = 0] = source.shape;
    return matrixOf([places, width], (p, n) => {
      const t = arithmetic.index(elementAt(source, p), rows * choices);
      const gate = elementAt(gates, t);
      const part = arithmetic.multiply(gate, elementAt(dy, Math.floor(t / choices) * width + n));
      return arithmetic.whereNonZero(gate, part, arithmetic.integer(0));
    });
  },
  "combine-rows-dgates": (op, operands, { arithmetic }) => {
    const [gates, parts, dy] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const position = operandAt(op, operands, 3);
    const [rows = 0, choices = 0] = gates.shape;
    const [places = 0, width = 0] = parts.shape;
    return matrixOf([rows, choices], (b, s) => {
      const p = arithmetic.index(elementAt(position, b * choices + s), places);
      const product = (n: number) => arithmetic.multiply(elementAt(dy, b * width + n), elementAt(parts, p * width + n));
      const gradient = arithmetic.sum(range(width).map(product));
      return arithmetic.whereNonZero(elementAt(gates, b * choices + s), gradient, arithmetic.integer(0));
    });
  },
  "top-k-gates-dp": (op, operands, { arithmetic, integer }) => {
    const [dgates, ids] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [rows = 0, choices = 0] = dgates.shape;
    const experts = integer("experts");
    const chosen = ids.elements.map((id) => arithmetic.index(id, experts));
    return matrixOf([rows, experts], (b, e) => {
      const own = range(choices).filter((s) => chosen[b * choices + s] === e);
      return arithmetic.sum(own.map((s) => elementAt(dgates, b * choices + s)));
    });
  },
  "normalise-rows-dx": (op, operands, { arithmetic }) => {
    const { subtract, multiply, divide } = arithmetic;
    const [y, dy] = [operandAt(op, operands, 1), operandAt(op, operands, 2)];
    return byRow(operandAt(op, operands, 0), (row, start) => {
      const own = row.map((_, n) => elementAt(dy, start + n));
      const mean = arithmetic.sum(own.map((gradient, n) => multiply(gradient, elementAt(y, start + n))));
      const sum = arithmetic.sum(row);
      return own.map((gradient) => divide(subtract(gradient, mean), sum));
    });
  },
};

/** The rows of each expert, ascending. */
function groupsOf<T>(
  arithmetic: Arithmetic<T>,
  { elements }: Elements<T>,
  { shape: [rows = 0] }: Elements<T>,
): readonly (readonly number[])[] {
  const ends = elements.map((element) => arithmetic.index(element, rows + 1));
  return ends.slice(1).map((end, e) => range(end).slice(ends[e] ?? 0));
}
