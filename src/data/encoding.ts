/**
 * Frame → `Encoding`: what is learnt from the training rows.
 *
 * An encoding is plain JSON, to be stored with a model and applied to other files of the same schema: the vocabularies
 * (most frequent values, ties by text order), mean and deviation of each standardised column, the classes of each label.
 * No row outside the training split is looked at.
 */

import { z } from "zod";
import { error } from "../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import type { Frame, NumberColumn, TextColumn } from "./frame.ts";
import { rawColumnNames, rawColumns } from "./raw-columns.ts";
import { type FeatureSchema, featureWidth, type LabelSchema, OTHER, SCHEMA_FORM } from "./schema.ts";
import { fileSpan } from "./source-file.ts";
import { TRAIN } from "./split.ts";

const SCALES = z
  .array(z.strictObject({ mean: z.number(), deviation: z.number().positive() }).readonly())
  .min(1)
  .readonly();

const ENCODING_FORM = z.strictObject({
  format: z.literal(1),
  schema: SCHEMA_FORM,
  /** In the order of the schema's features. */
  features: z
    .array(
      z.discriminatedUnion("kind", [
        /** At most `top` values, the most frequent first. */
        z.strictObject({ kind: z.literal("one-hot"), values: z.array(z.string()).readonly() }),
        /** Rows of each value in the training split, in text order; only a frequency has any. */
        z.strictObject({
          kind: z.literal("standardised"),
          counts: z.array(z.tuple([z.string(), z.int().min(1)]).readonly()).readonly(),
          scales: SCALES,
        }),
      ]),
    )
    .readonly(),
  /** In the order of the schema's labels. At most as many values as classes; the classes past them have no value. */
  labels: z.array(z.strictObject({ values: z.array(z.string()).readonly() })).readonly(),
  /** Names of the columns that have one value in the whole training split: nothing can be learnt from them. */
  constant: z.array(z.string()).readonly(),
});

export type Encoding = Readonly<z.output<typeof ENCODING_FORM>>;
export type FittedFeature = Encoding["features"][number];
type Scale = (FittedFeature & { readonly kind: "standardised" })["scales"][number];

/** Fits an encoding to the training rows of a frame; refuses a frame that has none (TK533). */
export function fitEncoding(frame: Frame): Result<Encoding> {
  const training = [...frame.split.keys()].filter((row) => frame.split[row] === TRAIN);
  if (training.length === 0) {
    const message = `none of the ${frame.rows} rows falls into the training split, which is fixed by their hash`;
    return refuse(error("TK533", fileSpan(frame.file), message, "give more rows, or apply an encoding fitted before"));
  }
  const constant: string[] = [];
  const features = frame.schema.features.map((feature, index) => {
    const column = frame.features[index];
    if (!column) throw new InternalError(`the frame has no column for feature ${index}`);
    const fitted = fitFeature(feature, column, training);
    constant.push(...fitted.constant);
    return fitted.feature;
  });
  const labels = frame.schema.labels.map((label, index) => ({
    values: labelValues(label, frame.labels[index], training),
  }));
  return ok({ format: 1, schema: frame.schema, features, labels, constant });
}

/** Reads an encoding back from parsed JSON; refuses what `fitEncoding` cannot have made (TK536). */
export function parseEncoding(json: unknown, file: string): Result<Encoding> {
  const fix = "fit the encoding again from its data";
  const parsed = ENCODING_FORM.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue && issue.path.length > 0 ? `${issue.path.map(String).join(".")}: ` : "";
    return refuse(error("TK536", fileSpan(file), `this is not an encoding: ${where}${issue?.message}`, fix));
  }
  const { schema, features, labels } = parsed.data;
  const fits =
    features.length === schema.features.length &&
    labels.length === schema.labels.length &&
    schema.features.every((feature, index) => featureFits(feature, features[index])) &&
    schema.labels.every((label, index) => (labels[index]?.values.length ?? 0) <= classCount(label));
  if (fits) return ok(parsed.data);
  return refuse(error("TK536", fileSpan(file), "this is not an encoding: it does not fit its own schema", fix));
}

/** Names of the feature columns: `column=value` of a one-hot, else the column and what is taken of it. */
export function featureNames({ schema, features }: Encoding): readonly string[] {
  return schema.features.flatMap((feature, index) => {
    if (feature.kind !== "one-hot") return rawColumnNames(feature);
    const fitted = features[index];
    return oneHotNames(feature, fitted?.kind === "one-hot" ? fitted.values : []);
  });
}

/** Names of a label's classes. Where the training rows had too few values, the classes left over are `(unused n)`. */
export function classNames(label: LabelSchema, values: readonly string[]): readonly string[] {
  switch (label.kind) {
    case "top":
      return [...fill(values, label.top), OTHER];
    case "listed":
      return label.missingClass === undefined ? label.classes : [...label.classes, label.missingClass];
    default:
      return label satisfies never;
  }
}

function classCount(label: LabelSchema): number {
  return classNames(label, []).length;
}

function oneHotNames(
  { column, top }: FeatureSchema & { readonly kind: "one-hot" },
  values: readonly string[],
): string[] {
  return [...fill(values, top), OTHER].map((value) => `${column}=${value}`);
}

function fill(values: readonly string[], length: number): readonly string[] {
  return Array.from({ length }, (_, index) => values[index] ?? `(unused ${index + 1})`);
}

function featureFits(feature: FeatureSchema, fitted: FittedFeature | undefined): boolean {
  if (feature.kind === "one-hot") return fitted?.kind === "one-hot" && fitted.values.length <= feature.top;
  return fitted?.kind === "standardised" && fitted.scales.length === featureWidth(feature);
}

function fitFeature(
  feature: FeatureSchema,
  column: NumberColumn | TextColumn,
  training: readonly number[],
): { readonly feature: FittedFeature; readonly constant: readonly string[] } {
  if (feature.kind === "one-hot") {
    const counts = countValues(column, training);
    const values = mostFrequent(counts, feature.top);
    const known = values.map((value) => counts.get(value) ?? 0);
    const rest = known.reduce((left, count) => left - count, training.length);
    const rows = [...known, ...new Array<number>(feature.top - known.length).fill(0), rest];
    const constant = oneHotNames(feature, values).filter(
      (_, index) => rows[index] === 0 || rows[index] === training.length,
    );
    return { feature: { kind: "one-hot", values }, constant };
  }
  const counts = feature.kind === "frequency" ? countValues(column, training) : new Map<string, number>();
  const fits = rawColumns(feature, column, counts).map((raw) => fitScale(raw, training));
  return {
    feature: {
      kind: "standardised",
      counts: [...counts].sort(([a], [b]) => compareText(a, b)),
      scales: fits.map(({ scale }) => scale),
    },
    constant: rawColumnNames(feature).filter((_, index) => fits[index]?.constant),
  };
}

/** The values of a top label that have a class of their own; those of a listed label are its classes. */
function labelValues(
  label: LabelSchema,
  column: TextColumn | undefined,
  training: readonly number[],
): readonly string[] {
  if (!column) throw new InternalError(`the frame has no column for the label ${label.name}`);
  return label.kind === "listed" ? label.classes : mostFrequent(countValues(column, training), label.top);
}

/** Missing values are not counted. */
function countValues(column: NumberColumn | TextColumn, training: readonly number[]): Map<string, number> {
  if (column.kind !== "texts") throw new InternalError("only texts are counted");
  const counts = new Map<string, number>();
  for (const row of training) {
    const value = column.values[row];
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** A value that is itself "other" belongs to the rest, else two classes would share the name. */
function mostFrequent(counts: ReadonlyMap<string, number>, top: number): readonly string[] {
  return [...counts]
    .filter(([value]) => value !== OTHER)
    .sort(([a, countA], [b, countB]) => countB - countA || compareText(a, b))
    .slice(0, top)
    .map(([value]) => value);
}

/**
 * Mean of the present values; deviation² = Σ(x − mean)² over the present values, divided by the number of all rows. A
 * missing value becomes the mean, and so the standardised column has mean 0 and variance 1 with the missing rows in it.
 * A constant column has its value as mean and 1 as deviation: it becomes 0.
 */
function fitScale(
  raw: Float64Array,
  training: readonly number[],
): { readonly scale: Scale; readonly constant: boolean } {
  // Sorted, so that the sums below, and with them the encoding, do not depend on the order of the rows.
  const present = Float64Array.from(training, (row) => raw[row] ?? Number.NaN)
    .filter((value) => !Number.isNaN(value))
    .sort();
  const first = present[0] ?? 0;
  if (present.every((value) => value === first)) return { scale: { mean: first, deviation: 1 }, constant: true };
  const mean = present.reduce((sum, value) => sum + value, 0) / present.length;
  const squares = present.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { scale: { mean, deviation: Math.sqrt(squares / training.length) }, constant: false };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
