/**
 * CSV file + schema → feature matrix and labels.
 *
 * In: a path and a schema, and optionally an encoding fitted before. Out: a `Dataset`: the standardised and one-hot
 * features row by row, the class of each row for each label, the split, and what a reader should know of the data.
 */

import { type Diagnostic, error } from "../support/diagnostic.ts";
import { InternalError, ok, type Result } from "../support/result.ts";
import { classNames, type Encoding, type FittedFeature, featureNames, fitEncoding } from "./encoding.ts";
import { type Frame, type NumberColumn, readFrame, type TextColumn } from "./frame.ts";
import { rawColumns } from "./raw-columns.ts";
import { type DataSchema, type FeatureSchema, featureWidth, type LabelSchema, OTHER } from "./schema.ts";
import { fileSpan } from "./source-file.ts";

export interface LabelColumn {
  readonly name: string;
  readonly classes: readonly string[];
  /** The class of each row. */
  readonly values: Int32Array;
  /** Rows of each class, among the rows of this dataset. */
  readonly counts: readonly number[];
}

export interface Dataset {
  /** rows × width, row-major. */
  readonly features: Float32Array;
  readonly rows: number;
  readonly width: number;
  readonly featureNames: readonly string[];
  readonly labels: readonly LabelColumn[];
  /** 0 training, 1 validation, 2 test. */
  readonly split: Uint8Array;
  /** Classes that no row of the file has, whatever the limit. */
  readonly emptyClasses: readonly { readonly label: string; readonly name: string }[];
  /** A warning per empty class (TK534), and one that lists the columns that are constant in training (TK535). */
  readonly warnings: readonly Diagnostic[];
  readonly encoding: Encoding;
}

export interface EncodeOptions {
  /** Take the first `limit` rows. The whole file is still checked and fitted: a row's features do not depend on it. */
  readonly limit?: number;
}

/** Reads, checks, fits and encodes a CSV file. Refuses what `readFrame` and `fitEncoding` refuse. */
export function encodeCsv(csvPath: string, schema: DataSchema, options: EncodeOptions = {}): Result<Dataset> {
  const frame = readFrame(csvPath, schema);
  if (!frame.ok) return frame;
  const encoding = fitEncoding(frame.value);
  return encoding.ok ? ok(applyEncoding(encoding.value, frame.value, options)) : encoding;
}

/** Encodes a frame that was read with the encoding's own schema. A value the encoding does not know counts as other. */
export function applyEncoding(encoding: Encoding, frame: Frame, { limit = frame.rows }: EncodeOptions = {}): Dataset {
  if (JSON.stringify(encoding.schema) !== JSON.stringify(frame.schema)) {
    throw new InternalError("the frame was read with another schema than the encoding's");
  }
  if (!Number.isSafeInteger(limit) || limit < 0) throw new InternalError(`the limit ${limit} is not a number of rows`);
  const rows = Math.min(limit, frame.rows);
  const names = featureNames(encoding);
  const width = names.length;
  const features = new Float32Array(rows * width);
  let offset = 0;
  for (const [index, feature] of encoding.schema.features.entries()) {
    const target = { features, rows, width, offset };
    writeFeature(target, feature, part(encoding.features, index), part(frame.features, index));
    offset += featureWidth(feature);
  }

  const labels = encoding.schema.labels.map((label, index) =>
    encodeLabel(label, part(encoding.labels, index).values, part(frame.labels, index)),
  );
  const emptyClasses = labels.flatMap(({ name: label, classes, counts }) =>
    classes.filter((_, index) => counts[index] === 0).map((name) => ({ label, name })),
  );
  return {
    features,
    rows,
    width,
    featureNames: names,
    labels: labels.map((label) => firstRows(label, rows)),
    split: frame.split.slice(0, rows),
    emptyClasses,
    warnings: warningsOf(frame, encoding, emptyClasses),
    encoding,
  };
}

interface Target {
  readonly features: Float32Array;
  readonly rows: number;
  readonly width: number;
  /** First column of the feature. */
  readonly offset: number;
}

function writeFeature(
  { features, rows, width, offset }: Target,
  feature: FeatureSchema,
  fitted: FittedFeature,
  column: NumberColumn | TextColumn,
): void {
  if (feature.kind === "one-hot") {
    if (fitted.kind !== "one-hot" || column.kind !== "texts") throw new InternalError("a one-hot feature is of texts");
    const position = new Map(fitted.values.map((value, index) => [value, index]));
    for (let row = 0; row < rows; row++) {
      const hot = position.get(column.values[row] ?? OTHER) ?? feature.top;
      features[row * width + offset + hot] = 1;
    }
    return;
  }
  if (fitted.kind !== "standardised") throw new InternalError(`the feature of ${feature.column} has no scales`);
  for (const [index, raw] of rawColumns(feature, column, new Map(fitted.counts)).entries()) {
    const { mean, deviation } = part(fitted.scales, index);
    for (let row = 0; row < rows; row++) {
      const value = raw[row] ?? Number.NaN;
      // A missing value is the mean, that is 0 once standardised; the flag beside it tells the two apart.
      features[row * width + offset + index] = Number.isNaN(value) ? 0 : (value - mean) / deviation;
    }
  }
}

function encodeLabel(label: LabelSchema, known: readonly string[], { values }: TextColumn): LabelColumn {
  const classes = classNames(label, known);
  const position = new Map(known.map((value, index) => [value, index]));
  // The last class is "other" of a top label and the missing class of a listed one; a listed label without a missing
  // class has neither missing nor unlisted values.
  const last = classes.length - 1;
  const codes = Int32Array.from(values, (value) => (value === undefined ? last : (position.get(value) ?? last)));
  return { name: label.name, classes, values: codes, counts: countCodes(codes, classes.length) };
}

function firstRows(label: LabelColumn, rows: number): LabelColumn {
  const values = label.values.slice(0, rows);
  return { ...label, values, counts: countCodes(values, label.classes.length) };
}

function countCodes(codes: Int32Array, classes: number): readonly number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

function warningsOf(frame: Frame, encoding: Encoding, emptyClasses: Dataset["emptyClasses"]): readonly Diagnostic[] {
  const span = fileSpan(frame.file);
  const warn = (code: string, message: string): Diagnostic => ({ ...error(code, span, message), severity: "warning" });
  const warnings = emptyClasses.map(({ label, name }) =>
    warn("TK534", `no row has the class "${name}" of the label "${label}": it can be neither learnt nor tested`),
  );
  const { constant } = encoding;
  if (constant.length === 0) return warnings;
  const message = `features that are constant in the training split teach nothing: ${constant.join(", ")}`;
  return [...warnings, warn("TK535", message)];
}

function part<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new InternalError(`the encoding or the frame lacks part ${index}`);
  return found;
}
