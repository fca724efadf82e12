/**
 * Collects the front end's diagnostics, and turns TypeScript nodes into spans.
 *
 * The same mistake can be met more than once, since each instance of a kernel is lowered by itself and an inline
 * function at each call: what is equal is kept once.
 */

import path from "node:path";
import type { ts } from "ts-morph";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { formatPlace, type Span } from "../../support/span.ts";
import type { Code } from "./codes.ts";

export interface Reporter {
  /** The place of a node; its file is named relative to the working directory, with forward slashes. */
  spanOf(node: ts.Node): Span;
  /** `message` is the fact without a full stop, `fix` what to write instead. */
  report(code: Code, at: ts.Node, message: string, fix: string): undefined;
  /** Adds a diagnostic that has no node. */
  add(diagnostic: Diagnostic): void;
  /** Runs `action` inside the inlined call at `call`; reports made meanwhile say where the call stands. */
  within<T>(call: ts.Node, action: () => T): T;
  /** Runs `action` for one kernel of a family; reports made meanwhile name the kernel and where the family is applied. */
  inInstance<T>(name: string, place: ts.Node, action: () => T): T;
  /** How many reports were made, repeated ones included: unchanged means that nothing was refused since. */
  readonly count: number;
  readonly diagnostics: readonly Diagnostic[];
}

export function fileName(file: string, cwd: string): string {
  return path.relative(cwd, file).split(path.sep).join("/");
}

/** The span of the characters [start, end) of a file. */
export function spanOfRange(file: ts.SourceFile, start: number, end: number, cwd: string): Span {
  const from = file.getLineAndCharacterOfPosition(start);
  const to = file.getLineAndCharacterOfPosition(end);
  return {
    file: fileName(file.fileName, cwd),
    line: from.line + 1,
    column: from.character + 1,
    endLine: to.line + 1,
    endColumn: to.character + 1,
  };
}

export function createReporter(cwd: string): Reporter {
  const found = new Map<string, Diagnostic>();
  const calls: ts.Node[] = [];
  let instance = "";
  let count = 0;

  const spanOf = (node: ts.Node): Span => spanOfRange(node.getSourceFile(), node.getStart(), node.getEnd(), cwd);
  const add = (diagnostic: Diagnostic): void => {
    count += 1;
    const key = JSON.stringify(diagnostic);
    if (!found.has(key)) found.set(key, diagnostic);
  };

  return {
    spanOf,
    add,
    report(code, at, message, fix) {
      const call = calls[0];
      const place = call === undefined ? "" : `, inlined at ${formatPlace(spanOf(call))}`;
      add(error(code, spanOf(at), message + place + instance, fix));
      return undefined;
    },
    within(call, action) {
      calls.push(call);
      const result = action();
      calls.pop();
      return result;
    },
    inInstance(name, place, action) {
      instance = `, in ${name} at ${formatPlace(spanOf(place))}`;
      const result = action();
      instance = "";
      return result;
    },
    get count() {
      return count;
    },
    get diagnostics() {
      return [...found.values()];
    },
  };
}
