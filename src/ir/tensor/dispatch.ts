/** Definitions of the operations of sparse dispatch: the formulas of `DispatchFields`, in any arithmetic. */

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
import type { DispatchKind } from "./dispatch-ops.ts";

/** What is chosen by comparing floats is defined for each arithmetic by itself. */
export type ChoiceKind = "top-k-experts" | "top-k-gates";

export const DISPATCH_DEFINITIONS: { readonly [K in Exclude<DispatchKind, ChoiceKind>]: Definition<K> } = {
  "normalise-rows": (op, operands, { arithmetic }) =>
    byRow(operandAt(op, operands, 0), (row) => {
      const sum = arithmetic.sum(row);
      return row.map((value) => arithmetic.divide(value, sum));
    }),
  "expert-counts": (op, operands, { arithmetic, integer }) => {
    const experts = integer("experts");
    const ids = indicesOf(arithmetic, operandAt(op, operands, 0), experts);
    const counts = range(experts).map((e) => arithmetic.integer(ids.filter((id) => id === e).length));
    return { shape: [experts], elements: counts };
  },
  "expert-offsets": (op, operands, { arithmetic }) => {
    const [ids, counts] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const offsets = [0];
    for (const count of indicesOf(arithmetic, counts, ids.elements.length + 1)) {
      offsets.push(item(offsets, offsets.length - 1) + count);
    }
    return integers(arithmetic, offsets);
  },
  "token-positions": (op, operands, { arithmetic }) => {
    const [ids, offsets] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    return integers(arithmetic, positionsOf(arithmetic, ids, offsets));
  },
  "slot-experts": (op, operands, { arithmetic }) => {
    const tokens = operandAt(op, operands, 0).elements.length;
    const starts = indicesOf(arithmetic, operandAt(op, operands, 1), tokens + 1);
    return integers(
      arithmetic,
      range(tokens).map((p) => {
        const owner = starts.findIndex((start, e) => start <= p && p < (starts[e + 1] ?? 0));
        return found(arithmetic, owner, starts.length);
      }),
    );
  },
  "token-sources": (op, operands, { arithmetic }) => {
    const positions = positionsOf(arithmetic, operandAt(op, operands, 0), operandAt(op, operands, 1));
    return integers(
      arithmetic,
      range(positions.length).map((p) => found(arithmetic, positions.indexOf(p), positions.length)),
    );
  },
  "gather-assignments": (op, operands, { arithmetic, integer }) => {
    const [x, source] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [k, [rows = 0, width = 0]] = [integer("k"), x.shape];
    const sources = indicesOf(arithmetic, source, k * rows);
    return matrixOf([sources.length, width], (p, n) => elementAt(x, Math.floor(item(sources, p) / k) * width + n));
  },
};

function positionsOf<T>(arithmetic: Arithmetic<T>, ids: Elements<T>, offsets: Elements<T>): readonly number[] {
  const next = [...indicesOf(arithmetic, offsets, ids.elements.length + 1)];
  return indicesOf(arithmetic, ids, next.length - 1).map((id) => {
    const place = item(next, id);
    next[id] = place + 1;
    return place;
  });
}

/** What a tensor of integers from 0 and below `count` holds. */
function indicesOf<T>(arithmetic: Arithmetic<T>, { elements }: Elements<T>, count: number): readonly number[] {
  return elements.map((element) => arithmetic.index(element, count));
}

/** A position below `count`, or that nothing was found, as at offsets that are not those of the ids. */
function found<T>(arithmetic: Arithmetic<T>, position: number, count: number): number {
  return arithmetic.index(arithmetic.integer(position), count);
}

function integers<T>(arithmetic: Arithmetic<T>, values: readonly number[]): Elements<T> {
  return { shape: [values.length], elements: values.map((value) => arithmetic.integer(value)) };
}
