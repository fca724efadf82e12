/**
 * Well-formedness of fragments: that they fit their matrix unit, their block and each other.
 *
 * Operands are written by `fragment` and read by `mma` alone, so that lanes which hold the same elements hold equal ones.
 */

import type { Span } from "../../support/span.ts";
import { type CheckContext, checkElement, checkExpr, checkInside, isConstant, refuse } from "./check-expr.ts";
import type { ArrayRef } from "./expr.ts";
import { type FragmentRole, fragmentElements, MATRIX_LAYOUTS } from "./matrix.ts";
import { printExpr } from "./print.ts";
import type { FragmentStmt, Kernel, LocalArray, MmaStmt, RegisterRow } from "./types.ts";
import { statementExprs, visitExpr, visitStmts } from "./walk.ts";

const CODE = "TK220";

/** The unit is there where fragments are; waves are whole; a row of each fragment is a lane's part of it. */
export function checkMatrix(context: CheckContext, kernel: Kernel): void {
  const fragments = kernel.arrays.filter(({ fragment }) => fragment !== undefined);
  const layout = kernel.matrix === undefined ? undefined : MATRIX_LAYOUTS[kernel.matrix];
  if (layout === undefined) {
    for (const { name, span } of fragments) refuse(context, CODE, span, `${name} is a fragment without a matrix unit`);
    return;
  }
  const threads = kernel.block.reduce((product, extent) => product * extent, 1n);
  if (threads % layout.lanes !== 0n) {
    refuse(context, CODE, kernel.span, `a block of ${threads} threads is not made of waves of ${layout.lanes}`);
  }
  for (const { name, space, element, shape, fragment, span } of fragments) {
    if (fragment === undefined) continue;
    const elements = fragmentElements(layout, fragment);
    if (space !== "register" || shape.at(-1) !== elements) {
      refuse(context, CODE, span, `${name} is no register array with rows of ${elements}`);
    }
    const fits = fragment === "accumulator" ? element === "f32" : layout.elements.some((own) => own === element);
    if (!fits) refuse(context, CODE, span, `${kernel.matrix} has no fragment ${fragment} of ${element}`);
  }
  visitStmts(kernel.body, (stmt) => {
    for (const outer of statementExprs(stmt)) {
      visitExpr(outer, (inner) => {
        if (inner.kind !== "load" || !isOperand(kernel, inner.array)) return;
        refuse(context, CODE, inner.span, `${printExpr(inner)} reads an operand by element`);
      });
    }
  });
}

/** Whether the array holds fragments of A or of B. */
export function isOperand({ arrays }: Kernel, { name }: ArrayRef): boolean {
  const role = arrays.find((array) => array.name === name)?.fragment;
  return role === "a" || role === "b";
}

export function checkFragment(context: CheckContext, kernel: Kernel, stmt: FragmentStmt): void {
  const { target, array, index, span } = stmt;
  for (const i of index) checkInside(context, i);
  const found = checkElement(context, array, index, span);
  const own = checkRow(context, kernel, target, CODE, span);
  if (own !== undefined && own.fragment !== "a" && own.fragment !== "b") {
    refuse(context, CODE, span, `${own.name} is no operand`);
  }
  if (found === undefined) return;
  if (found.space === "register") refuse(context, CODE, span, `${array.name} is an array of registers itself`);
  if (found.rank < 2) refuse(context, CODE, span, `${array.name} of rank ${found.rank} has no tile of rows`);
  if (own !== undefined && own.element !== found.element) {
    refuse(context, CODE, span, `${own.name} of ${own.element} and ${array.name} of ${found.element} differ`);
  }
}

export function checkMma(context: CheckContext, kernel: Kernel, stmt: MmaStmt): void {
  const row = (of: RegisterRow, role: FragmentRole): LocalArray | undefined => {
    const own = checkRow(context, kernel, of, CODE, stmt.span);
    if (own !== undefined && own.fragment !== role) refuse(context, CODE, stmt.span, `${own.name} is no ${role}`);
    return own;
  };
  row(stmt.accumulator, "accumulator");
  const [a, b] = [row(stmt.a, "a"), row(stmt.b, "b")];
  if (a !== undefined && b !== undefined && a.element !== b.element) {
    refuse(context, CODE, stmt.span, `${a.name} of ${a.element} and ${b.name} of ${b.element} differ`);
  }
}

/** The array of a row: of registers, with constant indices for all axes but the last. */
export function checkRow(
  context: CheckContext,
  { arrays }: Kernel,
  { array, index }: RegisterRow,
  code: "TK217" | "TK220",
  span: Span,
): LocalArray | undefined {
  for (const i of index) checkExpr(context, i, "int");
  const own = arrays.find(({ name }) => name === array);
  if (own?.space !== "register" || own.shape.length !== index.length + 1) {
    refuse(context, code, span, `${array} is no register array of rank ${index.length + 1}`);
    return undefined;
  }
  for (const i of index) {
    if (isConstant(context, i)) continue;
    refuse(
      context,
      "TK212",
      i.span,
      `the row of ${array} is named by ${printExpr(i)}, which no unrolling makes constant`,
    );
  }
  return own;
}
