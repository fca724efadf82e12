/** Shape contracts of the operations on packed weights; `shapes.ts` has those of all other operations. */

import { PANEL, type PanelKind } from "./panel-ops.ts";
import { expectDim, expectRank, known, NO_SHAPE, report, type ShapeRule } from "./shape-checks.ts";

export const PANEL_RULES: { readonly [K in PanelKind]: ShapeRule<K> } = {
  "pack-panels": (_op, [w = NO_SHAPE], found) => {
    const [experts, rows, depth] = expectRank(found, "w", w, 3);
    if (typeof rows === "string") report(found, "TK251", `w has size ${rows} on axis 1, expected an integer`);
    return typeof rows === "number" ? known(experts, Math.ceil(rows / PANEL), depth, PANEL) : NO_SHAPE;
  },
  "unpack-panels": (op, [w = NO_SHAPE], found) => {
    const [experts, panels, depth, width] = expectRank(found, "w", w, 4);
    expectDim(found, "w", 3, width, PANEL, "the rows of a panel");
    const most = typeof panels === "number" ? PANEL * panels : Number.POSITIVE_INFINITY;
    if (!Number.isSafeInteger(op.columns) || op.columns < 0 || op.columns > most) {
      report(found, "TK252", `columns is ${op.columns}, expected an integer from 0 to ${most}, as the panels have`);
    }
    return known(experts, op.columns, depth);
  },
};
