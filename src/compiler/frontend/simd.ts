/** Vector units of CPUs in the source: the launch option `simd`, each of whose units makes an instance of its own, and `simd.lanes`. */

import { ts } from "ts-morph";
import { int } from "../../ir/kernel/build.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { SIMD_LANES, SIMD_UNITS, type SimdUnit } from "../../ir/kernel/simd.ts";
import { quote, type Scope, skipParentheses } from "./scope.ts";

const FIX = `list units: simd: [${SIMD_UNITS.map((unit) => `"${unit}"`).join(", ")}]`;

/** The units of `simd: ["avx512", "avx2"]`; one instance without a unit where there is no such option. */
export function readSimd(node: ts.Expression | undefined, scope: Scope): readonly (SimdUnit | undefined)[] {
  if (node === undefined) return [undefined];
  const list = skipParentheses(node);
  const texts = ts.isArrayLiteralExpression(list) ? list.elements : [];
  const units = texts.flatMap(
    (text) => SIMD_UNITS.find((unit) => ts.isStringLiteralLike(text) && text.text === unit) ?? [],
  );
  if (units.length > 0 && units.length === texts.length && new Set(units).size === units.length) return units;
  scope.reporter.report("TK119", node, `${quote(node)} is no list of vector units`, FIX);
  return [];
}

/** TK119 for a kernel that asks for both a GPU's unit and a CPU's. */
export function checkOneUnit(
  matrix: ts.Expression | undefined,
  simd: ts.Expression | undefined,
  { reporter }: Scope,
): void {
  if (matrix === undefined || simd === undefined) return;
  const fact = "the kernel is for matrix units, which GPUs have, and for vector units, which CPUs have";
  reporter.report("TK119", simd, fact, "write a kernel for each, of one family if they share a body");
}

export function lowerSimdProperty(node: ts.PropertyAccessExpression, { reporter, simd }: Scope): Expr | undefined {
  if (node.name.text !== "lanes") {
    return reporter.report("TK119", node, `${quote(node)} is no property of a vector unit`, "there is simd.lanes");
  }
  if (simd === undefined) {
    const fix = `add simd: [${SIMD_UNITS.map((unit) => `"${unit}"`).join(", ")}] to the launch`;
    return reporter.report("TK119", node, `${quote(node)} means nothing without a vector unit`, fix);
  }
  return int(SIMD_LANES[simd], reporter.spanOf(node));
}
