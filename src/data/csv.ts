/**
 * CSV file → table of texts.
 *
 * In: a path. Out: header and rows, each row as long as the header, with a span for each cell. The grammar is RFC 4180
 * as csv-parse reads it: comma, double quotes, LF or CRLF; a byte-order mark and empty lines are skipped.
 */

import { CsvError, type Options, parse } from "csv-parse/sync";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import type { Span } from "../support/span.ts";
import { addFault, type Faults } from "./faults.ts";
import { fileSpan, readSourceFile, type SourceFile, spanner } from "./source-file.ts";

export interface Table {
  readonly file: string;
  readonly header: readonly string[];
  /** Ragged rows are still in here; `checkShape` reports them. */
  readonly rows: readonly (readonly string[])[];
  /** The place of a cell. Row 0 is the first after the header, −1 the header itself. */
  readonly placeOfCell: (row: number, column: number) => Span;
  readonly placeOfRow: (row: number) => Span;
}

/** A cell is the bytes [start, end); a record is its cells. */
interface Cell {
  readonly start: number;
  readonly end: number;
}

const OPTIONS = {
  bom: true,
  // The default auto-detection takes the first line's ending for all; files with both endings exist.
  record_delimiter: ["\r\n", "\n"],
  relax_column_count: true,
  skip_empty_lines: true,
  // An unclosed quote runs to the end of the file; it is to be reported as such, and not as a large record.
  max_record_size: 0,
} as const satisfies Options;

/** Reads the file, or refuses it: unreadable TK520, not UTF-8 TK521, quotes TK522, empty TK523, header TK525. */
export function readTable(path: string): Result<Table> {
  const source = readSourceFile(path, "TK520", "TK521");
  if (!source.ok) return source;
  const records = parseRecords(source.value);
  if (!records.ok) return records;
  const [header, ...rows] = records.value;
  const fix = "give a CSV file with a header line and at least one row";
  if (!header) return refuse(error("TK523", fileSpan(path), "the file is empty", fix));

  const table = { file: path, header, rows, ...placesOf(source.value) };
  if (rows.length === 0) {
    return refuse(error("TK523", table.placeOfRow(-1), "the file has a header but no rows", fix));
  }
  const diagnostics = headerFaults(table);
  return diagnostics.length > 0 ? refuse(...diagnostics) : ok(table);
}

/** Reports TK524 if the row is not as long as the header; says whether it is. */
export function checkShape(table: Table, row: number, faults: Faults): boolean {
  const expected = table.header.length;
  const actual = table.rows[row]?.length ?? 0;
  if (actual === expected) return true;
  addFault(faults, () =>
    error(
      "TK524",
      actual > expected ? table.placeOfCell(row, expected) : table.placeOfRow(row),
      `the row has ${fields(actual)}, the header has ${expected}`,
      actual > expected
        ? 'quote a field that contains a comma: "a, b"'
        : `add the missing ${expected - actual === 1 ? "field" : `${expected - actual} fields`}, empty if unknown`,
    ),
  );
  return false;
}

/**
 * The row as one line of minimal CSV: comma-separated, a field quoted only where it must be. The same for every way of
 * quoting and ending the line, and for a plain file exactly the line in it. It is the row's identity.
 */
export function rowText(row: readonly string[]): string {
  return row.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(",");
}

function fields(count: number): string {
  return count === 1 ? "1 field" : `${count} fields`;
}

function parseRecords(source: SourceFile): Result<string[][]> {
  try {
    return ok(parse(source.bytes, OPTIONS));
  } catch (failure) {
    if (failure instanceof CsvError) return refuse(quoteFault(source, failure));
    throw failure;
  }
}

const QUOTE_FAULTS: ReadonlyMap<string, readonly [message: string, fix: string]> = new Map([
  ["CSV_QUOTE_NOT_CLOSED", ["the quote that opens this field is never closed", 'close the field with "']],
  [
    "CSV_INVALID_CLOSING_QUOTE",
    ["text follows the closing quote of this field", 'write a quote inside a quoted field twice: ""'],
  ],
  [
    "INVALID_OPENING_QUOTE",
    ["a quote stands inside a field that is not quoted", 'quote the whole field and write the quote twice: ""'],
  ],
]);

function quoteFault(source: SourceFile, failure: CsvError): Diagnostic {
  const known = QUOTE_FAULTS.get(failure.code);
  const { bytes, index } = failure;
  if (!known || typeof bytes !== "number" || typeof index !== "number") throw failure;
  // The parser stops inside a field: `bytes` is the end of the field before it, or of the record when it is the first.
  const start = index > 0 ? bytes + 1 : skipLineEnds(source, Math.max(bytes, source.start));
  const lineEnd = source.bytes.indexOf(10, start);
  const end = lineEnd < 0 ? source.bytes.length : lineEnd;
  const [message, fix] = known;
  return error("TK522", spanner(source)(start, trimLineEnd(source, start, end)), message, fix);
}

/** Places are found by a second reading, and only when the first is asked for: a good file never pays for them. */
function placesOf(source: SourceFile): Pick<Table, "placeOfCell" | "placeOfRow"> {
  let located: { readonly records: readonly (readonly Cell[])[]; readonly span: (a: number, b: number) => Span };
  const locate = (): typeof located => {
    located ??= { records: locateCells(source), span: spanner(source) };
    return located;
  };
  const cell = (row: number, column: number): Cell => {
    const found = locate().records[row + 1]?.[column];
    if (!found) throw new InternalError(`${source.file} has no cell ${column} in row ${row}`);
    return found;
  };
  return {
    placeOfCell: (row, column) => {
      const { start, end } = cell(row, column);
      return locate().span(start, end);
    },
    placeOfRow: (row) => {
      const { start } = cell(row, 0);
      return locate().span(start, locate().records[row + 1]?.at(-1)?.end ?? start);
    },
  };
}

function locateCells(source: SourceFile): readonly (readonly Cell[])[] {
  const records: Cell[][] = [];
  let record: Cell[] = [];
  let start = source.start;
  parse(source.bytes, {
    ...OPTIONS,
    cast: (value, { bytes }) => {
      if (record.length === 0) start = skipLineEnds(source, start);
      record.push({ start, end: bytes });
      start = bytes + 1;
      return value;
    },
    on_record: (fieldsOfRecord, { bytes }) => {
      records.push(record);
      record = [];
      start = bytes;
      return fieldsOfRecord;
    },
  });
  return records;
}

/** Skips the empty lines that the parser skips. */
function skipLineEnds({ bytes }: SourceFile, from: number): number {
  let at = from;
  while (bytes[at] === 10 || bytes[at] === 13) at++;
  return at;
}

function trimLineEnd({ bytes }: SourceFile, start: number, end: number): number {
  return end > start && bytes[end - 1] === 13 ? end - 1 : end;
}

function headerFaults({ header, placeOfCell }: Table): readonly Diagnostic[] {
  return header.flatMap((name, column) => {
    if (name === "") return [error("TK525", placeOfCell(-1, column), "a column has no name", "name it")];
    const first = header.indexOf(name);
    if (first === column) return [];
    const message = `the column "${name}" stands twice in the header (fields ${first + 1} and ${column + 1})`;
    return [error("TK525", placeOfCell(-1, column), message, "rename one of them")];
  });
}
