/** The launch option `performance`: the names of tensors and shared arrays of whose accesses something is proved. */

import { ts } from "ts-morph";
import type { LocalArray, Param, Performance } from "../../ir/kernel/types.ts";
import { quote, type Scope, skipParentheses } from "./scope.ts";

const FIX = 'write performance: { coalesced: ["x"], segments: ["w"], conflictFree: ["tile"] }';
const LISTS = ["coalesced", "segments", "conflictFree"] as const;

/** Whether the names are those of tensors and shared arrays is known with the body (`checkPerformance`). */
export function lowerPerformance(node: ts.Expression | undefined, scope: Scope): Performance | "none" | undefined {
  if (node === undefined) return "none";
  const { reporter } = scope;
  if (!ts.isObjectLiteralExpression(node)) {
    return reporter.report("TK129", node, `${quote(node)} is no performance contract`, FIX);
  }
  const lists: Record<(typeof LISTS)[number], readonly string[]> = { coalesced: [], segments: [], conflictFree: [] };
  let refused = false;
  for (const property of node.properties) {
    const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
    const list = ts.isPropertyAssignment(property) ? skipParentheses(property.initializer) : undefined;
    const known = LISTS.find((one) => one === name);
    const texts = list !== undefined && ts.isArrayLiteralExpression(list) ? list.elements : [];
    if (known === undefined || texts.length === 0 || !texts.every(ts.isStringLiteralLike)) {
      reporter.report("TK129", property, `${quote(property)} is no performance contract`, FIX);
      refused = true;
    } else lists[known] = texts.flatMap((text) => (ts.isStringLiteralLike(text) ? [text.text] : []));
  }
  return refused ? undefined : { ...lists, span: reporter.spanOf(node) };
}

/** TK129 for a name that is not of the kind. */
export function checkPerformance(
  performance: Performance | undefined,
  node: ts.Node | undefined,
  { params, arrays }: { params: readonly Param[]; arrays: readonly LocalArray[] },
  { reporter }: Scope,
): boolean {
  if (performance === undefined || node === undefined) return true;
  const before = reporter.count;
  const tensors = params.filter(({ kind }) => kind === "tensor").map(({ name }) => name);
  const shared = arrays.filter(({ space }) => space === "shared").map(({ name }) => name);
  const list = (names: readonly string[]): string =>
    names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  for (const name of [...performance.coalesced, ...performance.segments]) {
    if (!tensors.includes(name)) reporter.report("TK129", node, `the kernel has no tensor ${name}`, list(tensors));
  }
  for (const name of performance.conflictFree) {
    if (!shared.includes(name)) reporter.report("TK129", node, `the kernel has no shared array ${name}`, list(shared));
  }
  return reporter.count === before;
}
