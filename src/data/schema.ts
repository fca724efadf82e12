/**
 * Schema file (JSON) → `DataSchema`: what each column of a CSV file becomes.
 *
 * Every column of the file is a feature, a label or ignored with a reason. A one-hot feature of `top` n is n + 1 columns
 * (the n most frequent values and "other"); a frequency is 1 (ln(1 + rows of the value)); a number is 1, a date as many
 * as it has parts, and either one more with a missing flag. One-hot columns are 0 or 1, all others are standardised.
 * docs/data.md describes the form.
 */

import { z } from "zod";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { DATE_FORMATS, DATE_PARTS } from "./date.ts";
import { addFault, faultDiagnostics, noFaults } from "./faults.ts";
import { type JsonPath, readJsonSource } from "./json-source.ts";
import { readSourceFile, spanner } from "./source-file.ts";
import { TRANSFORMS } from "./transform.ts";

const column = z.string().min(1);
const count = z.int().min(1).max(65_536);
/** Texts that stand for a missing value in this column, instead of the schema's. */
const missing = z.array(z.string()).readonly().optional();

const FEATURE = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("one-hot"), column, top: count, missing }),
  z.strictObject({ kind: z.literal("frequency"), column, missing }),
  z.strictObject({
    kind: z.literal("numeric"),
    column,
    transform: z.enum(TRANSFORMS).default("none"),
    missingFlag: z.boolean().default(false),
    missing,
  }),
  z.strictObject({
    kind: z.literal("date"),
    column,
    format: z.enum(DATE_FORMATS).default("YYYY-MM-DD"),
    parts: z.array(z.enum(DATE_PARTS)).min(1).readonly(),
    missingFlag: z.boolean().default(false),
    missing,
  }),
]);

const LABEL = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("top"), name: z.string().min(1), column, top: count, missing }),
  z.strictObject({
    kind: z.literal("listed"),
    name: z.string().min(1),
    column,
    classes: z.array(z.string().min(1)).min(1).readonly(),
    /** The class of a missing value, after the listed ones. Without it a missing value is refused. */
    missingClass: z.string().min(1).optional(),
    missing,
  }),
]);

export const SCHEMA_FORM = z.strictObject({
  format: z.literal(1),
  name: z.string().min(1),
  missing: z.array(z.string()).readonly().default([""]),
  expect: z.strictObject({ oneHot: z.int().min(0), numeric: z.int().min(0) }).optional(),
  features: z.array(FEATURE).min(1).readonly(),
  labels: z.array(LABEL).readonly(),
  ignored: z
    .array(z.strictObject({ column, why: z.string().min(1) }))
    .readonly()
    .default([]),
});

export type DataSchema = Readonly<z.output<typeof SCHEMA_FORM>>;
export type FeatureSchema = DataSchema["features"][number];
export type LabelSchema = DataSchema["labels"][number];

/** The class or one-hot column of all values that are not among the most frequent. */
export const OTHER = "other";

/** Number of columns in the feature matrix. */
export function featureWidth(feature: FeatureSchema): number {
  switch (feature.kind) {
    case "one-hot":
      return feature.top + 1;
    case "frequency":
      return 1;
    case "numeric":
      return 1 + Number(feature.missingFlag);
    case "date":
      return feature.parts.length + Number(feature.missingFlag);
    default:
      return feature satisfies never;
  }
}

/** Number of one-hot and of standardised columns; the width of the feature matrix is their sum. */
export function schemaWidths({ features }: DataSchema): { readonly oneHot: number; readonly numeric: number } {
  const widths = { oneHot: 0, numeric: 0 };
  for (const feature of features) widths[feature.kind === "one-hot" ? "oneHot" : "numeric"] += featureWidth(feature);
  return widths;
}

/** Reads a schema file. Refuses: unreadable TK540, not JSON TK541, not of the form TK542, inconsistent TK543. */
export function readSchema(path: string): Result<DataSchema> {
  const file = readSourceFile(path, "TK540", "TK541");
  if (!file.ok) return file;
  const { bytes, start } = file.value;
  const text = bytes.subarray(start).toString("utf8");
  const spanOfText = (from: number, to: number) => {
    const byte = (offset: number): number => start + Buffer.byteLength(text.slice(0, offset));
    return spanner(file.value)(byte(from), byte(to));
  };

  const json = readJsonSource(text);
  if (!json.ok) {
    const span = spanOfText(json.offset, Math.min(json.offset + 1, text.length));
    return refuse(
      error("TK541", span, `the schema is not JSON: expected ${json.expected}`, "correct it at this place"),
    );
  }
  const spanOf = (at: JsonPath) => {
    const place = json.placeOf(at);
    return spanOfText(place.start, place.end);
  };

  const parsed = SCHEMA_FORM.safeParse(json.value);
  if (!parsed.success) return refuse(...formFaults(parsed.error.issues, spanOf));
  const faults = noFaults();
  for (const { at, message, fix } of inconsistencies(parsed.data)) {
    addFault(faults, () => error("TK543", spanOf(at), message, fix));
  }
  return faults.count > 0 ? refuse(...faultDiagnostics(faults)) : ok(parsed.data);
}

function formFaults(
  issues: readonly z.core.$ZodIssue[],
  spanOf: (at: JsonPath) => ReturnType<ReturnType<typeof spanner>>,
): readonly Diagnostic[] {
  const faults = noFaults();
  for (const issue of issues) {
    const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
    const at = issue.code === "unrecognized_keys" ? [...path, ...issue.keys.slice(0, 1)] : path;
    const where = path.length === 0 ? "the schema" : formatPath(path);
    addFault(faults, () =>
      error("TK542", spanOf(at), `${where}: ${issue.message}`, "docs/data.md describes the form of a schema"),
    );
  }
  return faultDiagnostics(faults);
}

function formatPath(path: JsonPath): string {
  return path.map((part, depth) => (typeof part === "number" ? `[${part}]` : depth ? `.${part}` : part)).join("");
}

interface Inconsistency {
  readonly at: JsonPath;
  readonly message: string;
  readonly fix: string;
}

/** What each part allows alone, but not together with the rest. */
function inconsistencies(schema: DataSchema): readonly Inconsistency[] {
  return [...columnConflicts(schema), ...repetitions(schema), ...unexpectedWidths(schema)];
}

function columnConflicts({ features, labels, ignored }: DataSchema): readonly Inconsistency[] {
  const labelled = new Set(labels.map((label) => label.column));
  const found: Inconsistency[] = [];
  for (const [index, feature] of features.entries()) {
    if (!labelled.has(feature.column)) continue;
    const message = `the column "${feature.column}" is a label and a feature: the label would be given away`;
    found.push({ at: ["features", index, "column"], message, fix: "remove the feature" });
  }
  const used = new Set([...labelled, ...features.map((feature) => feature.column)]);
  for (const [index, { column: name }] of ignored.entries()) {
    if (!used.has(name)) continue;
    const message = `the column "${name}" is ignored and used`;
    found.push({ at: ["ignored", index, "column"], message, fix: "remove one of the two" });
  }
  return found;
}

function repetitions({ features, labels, ignored }: DataSchema): readonly Inconsistency[] {
  const found: Inconsistency[] = [];
  const once = (texts: readonly string[], at: (index: number) => JsonPath, message: (text: string) => string): void => {
    for (const [index, text] of texts.entries()) {
      if (texts.indexOf(text) < index) found.push({ at: at(index), message: message(text), fix: "remove one of them" });
    }
  };
  once(
    features.map(({ kind, column: name }) => `the ${kind} feature of "${name}"`),
    (index) => ["features", index],
    (text) => `${text} is there twice`,
  );
  once(
    labels.map(({ name }) => name),
    (index) => ["labels", index, "name"],
    (name) => `the label "${name}" is there twice`,
  );
  once(
    ignored.map((entry) => entry.column),
    (index) => ["ignored", index, "column"],
    (name) => `the column "${name}" is ignored twice`,
  );
  for (const [index, feature] of features.entries()) {
    if (feature.kind !== "date") continue;
    const at = (part: number): JsonPath => ["features", index, "parts", part];
    once(feature.parts, at, (part) => `the part "${part}" is there twice`);
  }
  for (const [index, label] of labels.entries()) {
    if (label.kind !== "listed") continue;
    const { classes, missingClass } = label;
    const at = (entry: number): JsonPath => [
      "labels",
      index,
      ...(entry < classes.length ? ["classes", entry] : ["missingClass"]),
    ];
    once([...classes, ...(missingClass ? [missingClass] : [])], at, (name) => `the class "${name}" is there twice`);
  }
  return found;
}

function unexpectedWidths(schema: DataSchema): readonly Inconsistency[] {
  const { expect } = schema;
  if (!expect) return [];
  const actual = schemaWidths(schema);
  return (["oneHot", "numeric"] as const)
    .filter((kind) => expect[kind] !== actual[kind])
    .map((kind) => ({
      at: ["expect", kind],
      message: `the features have ${actual[kind]} ${kind === "oneHot" ? "one-hot" : "numeric"} columns, expected are ${expect[kind]}`,
      fix: "change the features, or the number expected",
    }));
}
