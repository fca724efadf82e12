/**
 * Feature → its columns before standardisation.
 *
 * In: a feature that is not one-hot, and its cells. Out: `featureWidth` columns of float64, NaN where a value is missing:
 * the number, each date part, or ln(1 + count) of a frequency; then the missing flag (1 = missing), if asked for.
 */

import { datePart } from "./date.ts";
import type { NumberColumn, TextColumn } from "./frame.ts";
import type { FeatureSchema } from "./schema.ts";

export type StandardisedFeature = Exclude<FeatureSchema, { readonly kind: "one-hot" }>;

/** @param counts rows of each value in the training split; of a frequency only */
export function rawColumns(
  feature: StandardisedFeature,
  column: NumberColumn | TextColumn,
  counts: ReadonlyMap<string, number>,
): readonly Float64Array[] {
  if (column.kind === "texts") {
    // A missing value is not one of the counted ones: its frequency is that of a value never seen.
    return [
      Float64Array.from(column.values, (value) => Math.log1p(value === undefined ? 0 : (counts.get(value) ?? 0))),
    ];
  }
  const { values } = column;
  const parts =
    feature.kind === "date"
      ? feature.parts.map((part) => values.map((day) => (Number.isNaN(day) ? day : datePart(day, part))))
      : [values];
  const flagged = feature.kind !== "frequency" && feature.missingFlag;
  return flagged ? [...parts, values.map((value) => Number(Number.isNaN(value)))] : parts;
}

/** Names of these columns, in their order. */
export function rawColumnNames(feature: StandardisedFeature): readonly string[] {
  switch (feature.kind) {
    case "frequency":
      return [`${feature.column} frequency`];
    case "numeric": {
      const name = feature.transform === "none" ? feature.column : `${feature.transform}(${feature.column})`;
      return feature.missingFlag ? [name, `${feature.column} missing`] : [name];
    }
    case "date": {
      const names = feature.parts.map((part) => `${feature.column} ${part}`);
      return feature.missingFlag ? [...names, `${feature.column} missing`] : names;
    }
    default:
      return feature satisfies never;
  }
}
