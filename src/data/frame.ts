/**
 * CSV file + schema → `Frame`: checked and typed columns, before anything is fitted.
 *
 * In: a table of texts. Out: per feature and label of the schema a column of values, one per row, with missing values
 * marked: `undefined` for a text, NaN for a number. Every cell has been read; no later step can refuse a row.
 */

import { type Diagnostic, error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { checkShape, readTable, rowText, type Table } from "./csv.ts";
import { parseDate } from "./date.ts";
import { addFault, faultDiagnostics, noFaults } from "./faults.ts";
import type { DataSchema, FeatureSchema, LabelSchema } from "./schema.ts";
import { splitOf } from "./split.ts";
import { applyTransform, parseNumber } from "./transform.ts";

/** Transformed numbers, or day numbers of a date; NaN where missing. */
export interface NumberColumn {
  readonly kind: "numbers";
  readonly values: Float64Array;
}

export interface TextColumn {
  readonly kind: "texts";
  readonly values: readonly (string | undefined)[];
}

export interface Frame {
  readonly file: string;
  readonly schema: DataSchema;
  readonly rows: number;
  /** In the order of the schema's features. */
  readonly features: readonly (NumberColumn | TextColumn)[];
  /** In the order of the schema's labels; of a listed label every value is a listed class or missing. */
  readonly labels: readonly TextColumn[];
  /** 0 training, 1 validation, 2 test. */
  readonly split: Uint8Array;
  readonly table: Table;
}

/** Why a cell was refused. */
interface Fault {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

/** Reads one cell of each row into a column, or says what is wrong with it. */
interface Reader<C> {
  readonly index: number;
  readonly column: C;
  readonly read: (row: number, text: string) => Fault | undefined;
}

/**
 * Reads and checks the whole file. Refuses what `readTable` does, and a schema's column that is not there (TK526), a
 * column that the schema does not mention (TK527), ragged rows (TK524) and cells (TK528 to TK532).
 */
export function readFrame(csvPath: string, schema: DataSchema): Result<Frame> {
  const table = readTable(csvPath);
  if (!table.ok) return table;
  const diagnostics = columnFaults(table.value, schema);
  if (diagnostics.length > 0) return refuse(...diagnostics);
  return readCells(table.value, schema);
}

function readCells(table: Table, schema: DataSchema): Result<Frame> {
  const rows = table.rows.length;
  const index = new Map(table.header.map((name, column) => [name, column]));
  const at = (name: string): number => index.get(name) ?? -1;
  const features = schema.features.map((feature) => featureReader(feature, schema, at(feature.column), rows));
  const labels = schema.labels.map((label) => labelReader(label, schema, at(label.column), rows));
  // Left to right, so that faults come in the order of the file.
  const readers = [...features, ...labels].sort((a, b) => a.index - b.index);

  const faults = noFaults();
  const split = new Uint8Array(rows);
  for (const [row, cells] of table.rows.entries()) {
    if (!checkShape(table, row, faults)) continue;
    split[row] = splitOf(rowText(cells));
    let refused = -1;
    for (const reader of readers) {
      if (reader.index === refused) continue;
      const fault = reader.read(row, cells[reader.index] ?? "");
      if (!fault) continue;
      refused = reader.index;
      addFault(faults, () => error(fault.code, table.placeOfCell(row, reader.index), fault.message, fault.fix));
    }
  }
  if (faults.count > 0) return refuse(...faultDiagnostics(faults));
  return ok({
    file: table.file,
    schema,
    rows,
    features: features.map(({ column }) => column),
    labels: labels.map(({ column }) => column),
    split,
    table,
  });
}

function columnFaults(table: Table, schema: DataSchema): readonly Diagnostic[] {
  const faults = noFaults();
  const known = [...schema.features, ...schema.labels, ...schema.ignored].map(({ column }) => column);
  for (const name of new Set(known)) {
    if (table.header.includes(name)) continue;
    const message = `the file has no column "${name}", which the schema "${schema.name}" names`;
    const fix = `name one of the file's columns: ${table.header.join(", ")}`;
    addFault(faults, () => error("TK526", table.placeOfRow(-1), message, fix));
  }
  for (const [column, name] of table.header.entries()) {
    if (known.includes(name)) continue;
    const message = `the schema "${schema.name}" does not know the column "${name}"`;
    const fix = 'add it to the schema\'s "features" or "labels", or to "ignored" with the reason';
    addFault(faults, () => error("TK527", table.placeOfCell(-1, column), message, fix));
  }
  return faultDiagnostics(faults);
}

function featureReader(
  feature: FeatureSchema,
  schema: DataSchema,
  index: number,
  rows: number,
): Reader<NumberColumn | TextColumn> {
  const missing = new Set(feature.missing ?? schema.missing);
  switch (feature.kind) {
    case "one-hot":
    case "frequency": {
      const values = new Array<string | undefined>(rows).fill(undefined);
      return {
        index,
        column: { kind: "texts", values },
        read: (row, text) => {
          if (!missing.has(text)) values[row] = text;
          return undefined;
        },
      };
    }
    case "numeric":
    case "date": {
      const values = new Float64Array(rows).fill(Number.NaN);
      return {
        index,
        column: { kind: "numbers", values },
        read: (row, text) => {
          if (missing.has(text)) {
            if (feature.missingFlag) return undefined;
            const fix = 'give a value, or set "missingFlag": true for this column in the schema';
            return { code: "TK531", message: `"${feature.column}" is missing`, fix };
          }
          const value = feature.kind === "date" ? readDay(feature, text) : readNumber(feature, text);
          if (typeof value !== "number") return value;
          values[row] = value;
          return undefined;
        },
      };
    }
    default:
      return feature satisfies never;
  }
}

function readNumber(feature: FeatureSchema & { readonly kind: "numeric" }, text: string): number | Fault {
  const value = parseNumber(text);
  if (value === undefined) {
    const fix = 'write digits with a decimal point and no separators, or list the text under "missing" in the schema';
    return { code: "TK528", message: `${show(text)} in "${feature.column}" is not a number`, fix };
  }
  const transformed = applyTransform(feature.transform, value);
  if (transformed !== undefined) return transformed;
  const message = `${text} in "${feature.column}" is negative, and ${feature.transform} takes numbers ≥ 0`;
  return { code: "TK532", message, fix: 'correct the value, or use the transform "none" in the schema' };
}

function readDay(feature: FeatureSchema & { readonly kind: "date" }, text: string): number | Fault {
  const day = parseDate(text, feature.format);
  if (day !== undefined) return day;
  const fix = `write a day of the calendar as ${feature.format}, or change "format" in the schema`;
  return { code: "TK529", message: `${show(text)} in "${feature.column}" is not a date`, fix };
}

function labelReader(label: LabelSchema, schema: DataSchema, index: number, rows: number): Reader<TextColumn> {
  const missing = new Set(label.missing ?? schema.missing);
  const values = new Array<string | undefined>(rows).fill(undefined);
  const classes = label.kind === "listed" ? new Set(label.classes) : undefined;
  return {
    index,
    column: { kind: "texts", values },
    read: (row, text) => {
      if (missing.has(text)) {
        if (label.kind === "top" || label.missingClass !== undefined) return undefined;
        const fix = 'give a value, or name a "missingClass" for this label in the schema';
        return { code: "TK531", message: `the label "${label.name}" is missing`, fix };
      }
      if (classes && !classes.has(text)) {
        const message = `${show(text)} is not a class of the label "${label.name}"`;
        const fix = `use one of ${[...classes].join(", ")}, or list it under "classes" in the schema`;
        return { code: "TK530", message, fix };
      }
      values[row] = text;
      return undefined;
    },
  };
}

/** A cell in a message: quoted, on one line, and cut where a runaway field would fill the screen. */
function show(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
