/** The operations on packed weights: which element of w stands where, for the reference and for the equivalence check. */

import { InternalError } from "../../support/result.ts";
import { type Definition, elementAt, range } from "./arithmetic.ts";
import { elementCount } from "./error-model.ts";
import { PANEL, type PanelKind } from "./panel-ops.ts";
import type { Rule } from "./rule.ts";
import type { Op } from "./types.ts";

/** A result's shape, and for the element at each place the place in w of what it holds: `undefined` for 0. */
export interface Layout {
  readonly shape: readonly number[];
  readonly from: (place: number) => number | undefined;
}

type LayoutOf<K extends PanelKind> = (op: Op<K>, shape: readonly number[]) => Layout;

/** w [E, N, K] in panels: [E, ⌈N/PANEL⌉, K, PANEL] */
export function packedLayout([experts = 0, rows = 0, depth = 0]: readonly number[]): Layout {
  const panels = Math.ceil(rows / PANEL);
  const from = (place: number): number | undefined => {
    const [line, c] = [Math.floor(place / PANEL), place % PANEL];
    const [panel, k] = [Math.floor(line / depth), line % depth];
    const [e, row] = [Math.floor(panel / panels), PANEL * (panel % panels) + c];
    return row < rows ? (e * rows + row) * depth + k : undefined;
  };
  return { shape: [experts, panels, depth, PANEL], from };
}

const LAYOUTS: { readonly [K in PanelKind]: LayoutOf<K> } = {
  "pack-panels": (_op, shape) => packedLayout(shape),
  "unpack-panels": ({ columns }, [experts = 0, panels = 0, depth = 0]) => {
    const from = (place: number): number => {
      const [row, k] = [Math.floor(place / depth), place % depth];
      const [e, n] = [Math.floor(row / columns), row % columns];
      return ((e * panels + Math.floor(n / PANEL)) * depth + k) * PANEL + (n % PANEL);
    };
    return { shape: [experts, columns, depth], from };
  },
};

const defined =
  <K extends PanelKind>(layoutOf: LayoutOf<K>): Definition<K> =>
  (op, [w], { arithmetic }) => {
    if (w === undefined) throw new InternalError(`${op.label}: no operand`);
    const { shape, from } = layoutOf(op, w.shape);
    const elements = range(elementCount(shape)).map((place) => {
      const source = from(place);
      return source === undefined ? arithmetic.integer(0) : elementAt(w, source);
    });
    return { shape, elements };
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
    const places = (values: Float64Array): Float64Array => moveTo(new Float64Array(elementCount(shape)), from, values);
    return { shape, values: places(w.values), bound: w.bound && places(w.bound) };
  };

export const PANEL_REFERENCE: { readonly [K in PanelKind]: Rule<K> } = {
  "pack-panels": moved(LAYOUTS["pack-panels"]),
  "unpack-panels": moved(LAYOUTS["unpack-panels"]),
};

/** Fills `result` with what its layout takes from `values`, and with 0. */
export function moveTo<Floats extends Float32Array | Float64Array>(
  result: Floats,
  from: Layout["from"],
  values: Float32Array | Float64Array,
): Floats {
  for (let place = 0; place < result.length; place++) {
    const source = from(place);
    const value = source === undefined ? 0 : values[source];
    if (value === undefined) throw new InternalError(`element ${source} of ${values.length}`);
    result[place] = value;
  }
  return result;
}
