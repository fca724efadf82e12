/** Shape contracts of the path back through sparse dispatch; `shapes.ts` has those of all other operations. */

import { nextDim, previousDim, scaledDim } from "./dim.ts";
import type { GroupedKind } from "./grouped-ops.ts";
import {
  expectDim,
  expectEpsilon,
  expectRank,
  expectSame,
  expectVector,
  type Findings,
  known,
  lastDim,
  NO_SHAPE,
  report,
  type ShapeRule,
} from "./shape-checks.ts";
import type { Dim, Shape } from "./types.ts";

export const GROUPED_RULES: { readonly [K in GroupedKind]: ShapeRule<K> } = {
  "grouped-matmul-nn": (_op, [x = NO_SHAPE, w = NO_SHAPE, offsets = NO_SHAPE, expert = NO_SHAPE], found) => {
    const [rows, depth] = expectRank(found, "x", x, 2);
    const [experts, weightDepth, columns] = expectRank(found, "w", w, 3);
    expectDim(found, "w", 1, weightDepth, depth, "axis 1 of x");
    const ends = experts === undefined ? undefined : nextDim(experts);
    expectVector(found, "offsets", offsets, ends, "axis 0 of w and one more");
    expectVector(found, "expert", expert, rows, "axis 0 of x");
    return known(rows, columns);
  },
  "grouped-matmul-tn": (_op, [x = NO_SHAPE, y = NO_SHAPE, offsets = NO_SHAPE], found) => {
    const [depth, rows] = expectRank(found, "x", x, 2);
    const [otherDepth, columns] = expectRank(found, "y", y, 2);
    expectDim(found, "y", 0, otherDepth, depth, "axis 0 of x");
    return known(expertsOf(found, offsets), rows, columns);
  },
  "grouped-column-sum": (_op, [x = NO_SHAPE, offsets = NO_SHAPE], found) => {
    const [, columns] = expectRank(found, "x", x, 2);
    return known(expertsOf(found, offsets), columns);
  },
  "grouped-column-dot": (_op, [x = NO_SHAPE, y = NO_SHAPE, offsets = NO_SHAPE], found) => {
    const [, columns] = expectRank(found, "x", x, 2);
    expectSame(found, "y", y, "x", x);
    return known(expertsOf(found, offsets), columns);
  },
  "grouped-layer-norm-dx": (op, [x = NO_SHAPE, gamma = NO_SHAPE, dy = NO_SHAPE, expert = NO_SHAPE], found) => {
    const [rows, width] = expectRank(found, "x", x, 2);
    const [, gains] = expectRank(found, "gamma", gamma, 2);
    expectDim(found, "gamma", 1, gains, width, "axis 1 of x");
    expectSame(found, "dy", dy, "x", x);
    expectVector(found, "expert", expert, rows, "axis 0 of x");
    expectEpsilon(found, op.epsilon);
    return x;
  },
  "combine-rows-dparts": (_op, [gates = NO_SHAPE, dy = NO_SHAPE, source = NO_SHAPE], found) => {
    const [rows, choices] = expectRank(found, "gates", gates, 2);
    const [gradientRows, width] = expectRank(found, "dy", dy, 2);
    const [places] = expectRank(found, "source", source, 1);
    expectDim(found, "dy", 0, gradientRows, rows, "axis 0 of gates");
    expectAssignments(found, "source", places, rows, choices);
    return known(places, width);
  },
  "combine-rows-dgates": (_op, [gates = NO_SHAPE, parts = NO_SHAPE, dy = NO_SHAPE, position = NO_SHAPE], found) => {
    const [rows, choices] = expectRank(found, "gates", gates, 2);
    const [places, width] = expectRank(found, "parts", parts, 2);
    const [gradientRows, gradientWidth] = expectRank(found, "dy", dy, 2);
    expectDim(found, "dy", 0, gradientRows, rows, "axis 0 of gates");
    expectDim(found, "dy", 1, gradientWidth, width, "axis 1 of parts");
    expectVector(found, "position", position, places, "axis 0 of parts");
    expectAssignments(found, "parts", places, rows, choices);
    return gates;
  },
  "top-k-gates-dp": (op, [dgates = NO_SHAPE, ids = NO_SHAPE], found) => {
    const [rows, choices] = expectRank(found, "dgates", dgates, 2);
    const [assignments] = expectRank(found, "ids", ids, 1);
    expectAssignments(found, "ids", assignments, rows, choices);
    if (!Number.isSafeInteger(op.experts) || op.experts < 0) {
      report(found, "TK252", `experts is ${op.experts}, expected an integer from 0`);
    }
    return known(rows, op.experts);
  },
  "normalise-rows-dx": (_op, [x = NO_SHAPE, y = NO_SHAPE, dy = NO_SHAPE], found) => {
    lastDim(found, "x", x);
    expectSame(found, "y", y, "x", x);
    expectSame(found, "dy", dy, "x", x);
    return x;
  },
};

/** As many as there are rows and choices; a product of two names is the launch's to check. */
export function expectAssignments(
  found: Findings,
  operand: string,
  actual: Dim | undefined,
  rows: Dim | undefined,
  choices: Dim | undefined,
): void {
  if (rows === undefined || typeof choices !== "number") return;
  expectDim(found, operand, 0, actual, scaledDim(choices, rows), "axis 0 of gates times that of axis 1");
}

/** How many groups there are between so many ends. */
function expertsOf(found: Findings, offsets: Shape): Dim | undefined {
  const [ends] = expectRank(found, "offsets", offsets, 1);
  if (ends === undefined) return undefined;
  const experts = previousDim(ends);
  if (experts === undefined)
    report(found, "TK251", `offsets has size ${ends} on axis 0, expected one more than the experts`);
  return experts;
}
