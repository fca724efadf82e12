/** Definitions of the path back through grouped-linear: the formulas of `GroupedFields`, in any arithmetic. */

import {
  type Arithmetic,
  type Definition,
  type Elements,
  elementAt,
  matrixOf,
  operandAt,
  range,
} from "./arithmetic.ts";
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
