/**
 * Diagnostics: what tokitai says about a user's input.
 *
 * A diagnostic has a code, a place, the fact, the witness, the replay and the fix. Codes are stable and grouped:
 * TK1xx front end, TK2xx IR, TK3xx proof, TK4xx build, TK5xx run time.
 */

import { formatPlace, type Span } from "./span.ts";

export type Severity = "error" | "warning" | "remark";

export interface Diagnostic {
  /** `TK` and three digits. */
  readonly code: string;
  readonly severity: Severity;
  /** The fact, in one sentence without a full stop. */
  readonly message: string;
  /** Absent where no source line is concerned, as for a missing tool. */
  readonly span?: Span;
  /** Other places that it is about, such as the first of two accesses that race. */
  readonly related?: readonly RelatedPlace[];
  /** Obligation id, where the diagnostic stands for one. */
  readonly id?: string;
  readonly witness?: string;
  readonly replayed?: string;
  readonly fix?: string;
}

export interface RelatedPlace {
  readonly span: Span;
  /** What is there, without a full stop. */
  readonly message: string;
}

/** The text of a source file by its name in spans; `undefined` where it cannot be had. */
export type SourceLookup = (file: string) => string | undefined;

export function error(code: string, span: Span | undefined, message: string, fix?: string): Diagnostic {
  return { code, severity: "error", message, ...(span && { span }), ...(fix !== undefined && { fix }) };
}

/**
 * One diagnostic as text: heading, place, source line with carets, then witness, replay and fix.
 * Ends without a newline.
 */
export function renderDiagnostic(diagnostic: Diagnostic, sources: SourceLookup): string {
  const { code, severity, message, span, id, witness, replayed, fix } = diagnostic;
  const heading = `${severity} ${code}: ${message}`;
  const lines = [id === undefined ? heading : `${heading.padEnd(78)} ${id}`];
  if (span) {
    lines.push(`  ${formatPlace(span)}`);
    lines.push(...renderExcerpt(span, sources));
  }
  if (witness !== undefined) lines.push(`  witness   ${witness}`);
  if (replayed !== undefined) lines.push(`  replayed  ${replayed}`);
  if (fix !== undefined) lines.push(`  fix       ${fix}`);
  return lines.join("\n");
}

export function renderDiagnostics(diagnostics: readonly Diagnostic[], sources: SourceLookup): string {
  return diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, sources)).join("\n\n");
}

/** By file, line, column and code: the order in which a reader meets them. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const key = ({ span, code }: Diagnostic): readonly [string, number, number, string] => [
    span?.file ?? "",
    span?.line ?? 0,
    span?.column ?? 0,
    code,
  ];
  return [...diagnostics].sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return (
      compareText(x[0], y[0]) ||
      x[1] - y[1] ||
      x[2] - y[2] ||
      compareText(x[3], y[3]) ||
      compareText(a.message, b.message)
    );
  });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The source line with carets under the span; nothing where the line cannot be had. */
export function renderExcerpt(span: Span, sources: SourceLookup): string[] {
  const text = sources(span.file)?.split(/\r?\n/)[span.line - 1];
  if (text === undefined) return [];
  const number = String(span.line);
  const end = span.endLine === span.line ? span.endColumn : text.length + 1;
  const carets = "^".repeat(Math.max(1, end - span.column));
  // Tabs are kept in the padding, so that the carets stay under the source whatever the tab width.
  const padding = text.slice(0, span.column - 1).replace(/[^\t]/g, " ");
  return [`  ${number} | ${text}`, `  ${" ".repeat(number.length)} | ${padding}${carets}`];
}
