/**
 * Source positions.
 *
 * A `Span` is a half-open range of one source file. Lines and columns count from 1, as editors do.
 */

export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** The place of something that has no source of its own, such as a node made by a pass or a test. */
export const NO_SPAN: Span = { file: "<none>", line: 1, column: 1, endLine: 1, endColumn: 1 };

/** `file:line:column`, the form that editors and terminals make clickable. */
export function formatPlace(span: Span): string {
  return `${span.file}:${span.line}:${span.column}`;
}
