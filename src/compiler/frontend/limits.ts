/**
 * Limits on how deeply a file nests and how often it branches, found by looking at its syntax alone.
 *
 * Every step from TypeScript's checker to the C++ compiler goes down into what is nested, and TypeScript's flow analysis
 * goes back over every branch: a file beyond these limits would exhaust a stack, or hours, in one of them. The search
 * itself keeps its own stack, so that no file is too deep for it.
 */

import { ts } from "ts-morph";

/** C++ compilers give up at 256 nested brackets. */
export const MAX_DEPTH = 200;
/** TypeScript needs seconds for a thousand branches, and its stack does not last for two thousand. */
const MAX_BRANCHES = 1000;

export interface Excess {
  /** In characters of the file. */
  readonly start: number;
  readonly end: number;
  readonly fact: string;
  readonly fix: string;
}

/** A node that nests too deeply, or the statement at the top of the file that branches too often. */
export function findExcess(file: ts.SourceFile): Excess | undefined {
  for (const statement of file.statements) {
    let branches = 0;
    const pending: (readonly [node: ts.Node, depth: number])[] = [[statement, 1]];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const [node, depth] = next;
      if (depth > MAX_DEPTH) {
        const fix = "keep parts in locals, join conditions by && and ||, or split the kernel";
        return excess(file, node, `this is nested ${MAX_DEPTH} deep, and nothing may be deeper`, fix);
      }
      if (isBranch(node)) branches++;
      ts.forEachChild(node, (child) => {
        pending.push([child, depth + 1]);
      });
    }
    if (branches > MAX_BRANCHES) {
      const fact = `this branches ${branches} times, and ${MAX_BRANCHES} are the most`;
      return excess(
        file,
        statement,
        fact,
        "write loops, or c ? a : b where both sides are values, or split the kernel",
      );
    }
  }
  return undefined;
}

function excess(file: ts.SourceFile, node: ts.Node, fact: string, fix: string): Excess {
  const start = node.getStart(file);
  const line = file.getLineEndOfPosition(start);
  return { start, end: Math.min(node.getEnd(), line), fact, fix };
}

function isBranch(node: ts.Node): boolean {
  if (ts.isIfStatement(node)) return true;
  if (!ts.isBinaryExpression(node)) return false;
  const { kind } = node.operatorToken;
  return kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken;
}

/** Whether an action ran out of stack, which is how a parser meets a file that nests thousands deep. */
export function isStackOverflow(cause: unknown): boolean {
  return cause instanceof RangeError && /call stack/.test(cause.message);
}
