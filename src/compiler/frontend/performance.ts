/** The launch option `performance`: the names of tensors and shared arrays of whose accesses something is proved. */

import { ts } from "ts-morph";
import { SEGMENT_BYTES, USUAL_SEGMENT_BYTES } from "../../ir/kernel/limits.ts";
import type { LocalArray, Param, Performance, Segment } from "../../ir/kernel/types.ts";
import { lowerExpression } from "./expression.ts";
import { quote, type Scope, skipParentheses } from "./scope.ts";

const FIX = 'write performance: { coalesced: ["x"], segments: ["w"], conflictFree: ["tile"] }';
const SIZES = `write segments: { x: 64 }; the sizes, in bytes, are ${SEGMENT_BYTES.join(", ")}`;

/** Whether the names are those of tensors and shared arrays is known with the body (`checkPerformance`). */
export function lowerPerformance(node: ts.Expression | undefined, scope: Scope): Performance | "none" | undefined {
  if (node === undefined) return "none";
  const { reporter } = scope;
  if (!ts.isObjectLiteralExpression(node)) {
    return reporter.report("TK129", node, `${quote(node)} is no performance contract`, FIX);
  }
  let coalesced: readonly string[] = [];
  let segments: readonly Segment[] = [];
  let conflictFree: readonly string[] = [];
  const before = reporter.count;
  for (const property of node.properties) {
    const name = property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
    const value = ts.isPropertyAssignment(property) ? skipParentheses(property.initializer) : undefined;
    const names = namesOf(value);
    const sizes = value !== undefined && ts.isObjectLiteralExpression(value) ? value.properties : undefined;
    if (name === "segments" && sizes !== undefined && sizes.length > 0) {
      segments = sizes.flatMap((one) => lowerSegment(one, scope) ?? []);
    } else if (names === undefined) {
      reporter.report("TK129", property, `${quote(property)} is no performance contract`, FIX);
    } else if (name === "segments") segments = names.map((tensor) => ({ tensor, bytes: USUAL_SEGMENT_BYTES }));
    else if (name === "coalesced") coalesced = names;
    else if (name === "conflictFree") conflictFree = names;
    else reporter.report("TK129", property, `${quote(property)} is no performance contract`, FIX);
  }
  return reporter.count > before ? undefined : { coalesced, segments, conflictFree, span: reporter.spanOf(node) };
}

function namesOf(list: ts.Expression | undefined): readonly string[] | undefined {
  if (list === undefined || !ts.isArrayLiteralExpression(list) || list.elements.length === 0) return undefined;
  const names = list.elements.flatMap((text) => (ts.isStringLiteralLike(text) ? [text.text] : []));
  return names.length < list.elements.length ? undefined : names;
}

/** `x: 32`; the size is a constant, over the lanes of a wave too. */
function lowerSegment(property: ts.ObjectLiteralElementLike, scope: Scope): Segment | undefined {
  const { reporter } = scope;
  if (!ts.isPropertyAssignment(property) || !ts.isIdentifier(property.name)) {
    return reporter.report("TK129", property, `${quote(property)} is no segment of a tensor`, SIZES);
  }
  const bytes = lowerExpression(property.initializer, { ...scope, clause: "launch" });
  if (bytes === undefined) return undefined;
  if (bytes.kind !== "int" || !SEGMENT_BYTES.includes(bytes.value)) {
    return reporter.report("TK129", property, `${quote(property)} is no size of segments`, SIZES);
  }
  return { tensor: property.name.text, bytes: bytes.value };
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
  for (const name of [...performance.coalesced, ...performance.segments.map(({ tensor }) => tensor)]) {
    if (!tensors.includes(name)) reporter.report("TK129", node, `the kernel has no tensor ${name}`, list(tensors));
  }
  for (const name of performance.conflictFree) {
    if (!shared.includes(name)) reporter.report("TK129", node, `the kernel has no shared array ${name}`, list(shared));
  }
  return reporter.count === before;
}
