/** The comment above a kernel: what it computes, what it asks for, how it is launched, and what is proved of it. */

import type { Expr } from "../../ir/kernel/expr.ts";
import type { IndexWidth } from "../../ir/kernel/limits.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import type { Kernel, Param } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";
import type { ProvedKernel } from "../../verify/certificate.ts";
import { OBLIGATION_KINDS } from "../../verify/obligation.ts";
import { formatCondition } from "../data-check.ts";

/** `[B, 2 * K]` */
export function formatShape(shape: readonly Expr[]): string {
  return `[${shape.map(printExpr).join(", ")}]`;
}

/** `grid [div(N + 15, 16), B], block [16, 16]`, without the axes at the end that are 1. */
export function formatLaunch({ grid, block }: Kernel): string {
  const extents = trimOnes(grid.map(printExpr));
  const threads = trimOnes(block.map(String));
  return `grid [${extents.join(", ")}], block [${threads.join(", ")}]`;
}

function trimOnes(extents: readonly string[]): readonly string[] {
  const last = extents.findLastIndex((extent) => extent !== "1");
  return extents.slice(0, Math.max(last, 0) + 1);
}

/** What a kernel asks for and promises: `where`, `requires` and `ensures`, a line each. */
export function contractLines({ where, requires, dataRequires, ensures }: Kernel): readonly string[] {
  return [
    ...where.map(({ dim, value }) => `where ${dim} = ${printExpr(value)}`),
    ...requires.map((condition) => `requires ${printExpr(condition)}`),
    ...dataRequires.map((condition) => `requires ${formatCondition(condition)}`),
    ...ensures.map((condition) => `ensures ${formatCondition(condition)}`),
  ];
}

export function contractComment({ kernel, widths, obligations }: ProvedKernel): readonly string[] {
  // What one instance alone owes carries its width in the id: `linear/overflow/i32.b#1`.
  const ofWidth = (width: IndexWidth) =>
    obligations.filter(({ id, kind }) => kind === "overflow" && id.startsWith(`${kernel.name}/overflow/i${width}.`));
  const narrow = new Set(widths.flatMap(ofWidth));
  const counts = OBLIGATION_KINDS.flatMap((kind) => {
    const count = obligations.filter((obligation) => obligation.kind === kind && !narrow.has(obligation)).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  const instances = widths.map((width) => {
    const count = ofWidth(width).length;
    return `${width}-bit indices${count === 0 ? "" : ` (${count} overflow)`}`;
  });
  const doc = kernel.doc.split("\n").map((line) => line.trimEnd());
  return [
    `${kernel.name}: ${doc[0] === "" || doc[0] === undefined ? "no description" : doc[0]}`,
    ...doc.slice(1),
    "",
    ...kernel.params.map((param) => `  ${paramLine(param)}`),
    ...contractLines(kernel).map((line) => `  ${line}`),
    kernel.computes === undefined ? "  function not claimed" : `  computes ${kernel.computes}`,
    `  ${formatLaunch(kernel)}`,
    "",
    `proved: ${counts.join(", ")}; with ${instances.join(" and with ")}`,
    ...obligations.flatMap(({ statement, shapes }) =>
      shapes === undefined ? [] : [`  ${statement} at shapes ${shapes}`],
    ),
  ];
}

function paramLine(param: Param): string {
  switch (param.kind) {
    case "tensor":
      return `${param.role} ${param.name}: ${param.element} ${formatShape(param.shape)}`;
    case "scalar":
      return `scalar ${param.name}: ${param.element}`;
    default:
      param satisfies never;
      throw new InternalError("unknown parameter");
  }
}
