/** What commands print: diagnostics to stderr, results to stdout, progress to stderr when a person is watching. */

import { resolve } from "node:path";
import { type Diagnostic, renderDiagnostics, type SourceLookup, sortDiagnostics } from "../support/diagnostic.ts";
import { readText } from "../support/read-text.ts";
import { EXIT, type ExitCode, exitCodeOf, worst } from "./exit-codes.ts";

/** Prints the diagnostics in source order and gives the exit code that they mean. */
export function printDiagnostics(diagnostics: readonly Diagnostic[], sources: SourceLookup = readSource): ExitCode {
  if (diagnostics.length === 0) return EXIT.done;
  process.stderr.write(renderAll(diagnostics, sources));
  return exitCodeOfAll(diagnostics);
}

/** What is printed of diagnostics: nothing, or lines. */
export function renderAll(diagnostics: readonly Diagnostic[], sources: SourceLookup = readSource): string {
  return diagnostics.length === 0 ? "" : `${renderDiagnostics(sortDiagnostics(diagnostics), sources)}\n`;
}

/** The exit code that the errors among the diagnostics mean. */
export function exitCodeOfAll(diagnostics: readonly Diagnostic[]): ExitCode {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  return worst(errors.map(({ code }) => exitCodeOf(code)));
}

/** The text of a file named relative to the working directory. */
export const readSource: SourceLookup = (file) => readText(resolve(file));

export function print(text: string): void {
  process.stdout.write(text.endsWith("\n") ? text : `${text}\n`);
}

/** A line on stderr, where a terminal shows it while results go to a file. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${text}\n`);
}
