/** The operations on packed weights: which element of w stands where, for the reference and for the equivalence check. */

import { InternalError } from "../../support/result.ts";
import { type Definition, elementAt, range } from "./arithmetic.ts";
import { at, boundAt } from "./error-model.ts";
import { PANEL, type PanelKind } from "./panel-ops.ts";
import type { Rule } from "./rule.ts";
import type { Op } from "./types.ts";

/** A result's shape, and for each element the position in w of what it holds: `undefined` for 0. */
interface Layout {
  readonly shape: readonly number[];
  readonly from: readonly (number | undefined)[];
}

type LayoutOf<K extends PanelKind> = (op: Op<K>, shape: readonly number[]) => Layout;

const LAYOUTS: { readonly [K in PanelKind]: LayoutOf<K> } = {
  "pack-panels": (_op, [experts = 0, rows = 0, depth = 0]) => {
    const panels = Math.ceil(rows / PANEL);
    const rowsOf = (panel: number): readonly (number | undefined)[] => {
      const first = PANEL * (panel % panels);
      return range(PANEL).map((c) => (first + c < rows ? Math.floor(panel / panels) * rows + first + c : undefined));
    };
    const from = range(experts * panels).flatMap((panel) => {
      const own = rowsOf(panel);
      return range(depth).flatMap((k) => own.map((row) => (row === undefined ? undefined : row * depth + k)));
    });
    return { shape: [experts, panels, depth, PANEL], from };
  },
  "unpack-panels": ({ columns }, [experts = 0, panels = 0, depth = 0]) => {
    const from = range(experts * columns).flatMap((row) => {
      const [e, n] = [Math.floor(row / columns), row % columns];
      const panel = e * panels + Math.floor(n / PANEL);
      return range(depth).map((k) => (panel * depth + k) * PANEL + (n % PANEL));
    });
    return { shape: [experts, columns, depth], from };
  },
};

const defined =
  <K extends PanelKind>(layoutOf: LayoutOf<K>): Definition<K> =>
  (op, [w], { arithmetic }) => {
    if (w === undefined) throw new InternalError(`${op.label}: no operand`);
    const { shape, from } = layoutOf(op, w.shape);
    return { shape, elements: from.map((at) => (at === undefined ? arithmetic.integer(0) : elementAt(w, at))) };
  };

export const PANEL_DEFINITIONS: { readonly [K in PanelKind]: Definition<K> } = {
  "pack-panels": defined(LAYOUTS["pack-panels"]),
  "unpack-panels": defined(LAYOUTS["unpack-panels"]),
};

/** What is exact stays exact, so that products of it keep their sharper bounds. */
const moved =
  <K extends PanelKind>(layoutOf: LayoutOf<K>): Rule<K> =>
  (op, [w]) => {
    if (w === undefined) throw new InternalError(`${op.label}: no operand`);
    const { shape, from } = layoutOf(op, w.shape);
    const values = Float64Array.from(from, (element) => (element === undefined ? 0 : at(w.values, element)));
    const bound = w.bound && Float64Array.from(from, (element) => (element === undefined ? 0 : boundAt(w, element)));
    return { shape, values, bound };
  };

export const PANEL_REFERENCE: { readonly [K in PanelKind]: Rule<K> } = {
  "pack-panels": moved(LAYOUTS["pack-panels"]),
  "unpack-panels": moved(LAYOUTS["unpack-panels"]),
};
