/**
 * Dimensions in shapes: `"B"`, `"E+1"`, `"2*N"`, `"N-1"` or a constant → integer expressions.
 *
 *   Dim  ::= Term (('+' | '-') Term)*        Term ::= integer | name | integer '*' name
 */

import { dim, int, intOp, mul } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import type { Span } from "../../support/span.ts";

/** `undefined` where the text is not a linear expression; `names` gets the dimensions in it. */
export function parseDimension(text: string, span: Span, names: Set<string>): Expr | undefined {
  const parts = text.replace(/\s+/g, "").split(/([+-])/);
  let sum: Expr | undefined;
  for (let position = 0; position < parts.length; position += 2) {
    const term = parseTerm(parts[position] ?? "", span, names);
    if (term === undefined) return undefined;
    sum = sum === undefined ? term : intOp(parts[position - 1] === "-" ? "sub" : "add", sum, term, span);
  }
  return sum;
}

function parseTerm(text: string, span: Span, names: Set<string>): Expr | undefined {
  if (/^\d+$/.test(text)) return int(BigInt(text), span);
  const match = /^(?:(\d+)\*)?([A-Za-z][A-Za-z0-9_]*)$/.exec(text);
  const name = match?.[2];
  if (match === null || name === undefined) return undefined;
  names.add(name);
  const factor = match[1];
  return factor === undefined ? dim(name, span) : mul(int(BigInt(factor), span), dim(name, span), span);
}
