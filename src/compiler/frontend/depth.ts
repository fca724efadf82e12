/**
 * Depth: a file's syntax tree in, its first node that is nested too deep out.
 *
 * Everything behind the parser walks expressions and statements by recursion. A file that is nested deeper than any that
 * people write is refused here, by a walk that needs no stack of its own, so that no later one runs out of it.
 */

import { ts } from "ts-morph";

/** Levels of the syntax tree; an `if` in an `if` is two of them, a sum of n operands n − 1. */
export const MAX_DEPTH = 1_500;

/** The outermost node around what is nested too deep: a statement at the top of the file. */
export function nestedTooDeep(file: ts.SourceFile): ts.Statement | undefined {
  return file.statements.find((statement) => {
    const open: { readonly node: ts.Node; readonly depth: number }[] = [{ node: statement, depth: 0 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { node, depth } = next;
      if (depth > MAX_DEPTH) return true;
      ts.forEachChild(node, (child) => {
        open.push({ node: child, depth: depth + 1 });
      });
    }
    return false;
  });
}
