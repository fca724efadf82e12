/** Shape contracts of the path back through grouped-linear; `shapes.ts` has those of all other operations. */

import { nextDim, previousDim } from "./dim.ts";
import type { GroupedKind } from "./grouped-ops.ts";
import {
  expectDim,
  expectRank,
  expectVector,
  type Findings,
  known,
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
};

/** How many groups there are between so many ends. */
function expertsOf(found: Findings, offsets: Shape): Dim | undefined {
  const [ends] = expectRank(found, "offsets", offsets, 1);
  if (ends === undefined) return undefined;
  const experts = previousDim(ends);
  if (experts === undefined)
    report(found, "TK251", `offsets has size ${ends} on axis 0, expected one more than the experts`);
  return experts;
}
