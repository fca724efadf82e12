/** The proof table: one row per kernel and program, one column per kind of obligation. */

import Table from "cli-table3";
import type { Proof } from "../compiler/prove.ts";
import { allObligations } from "../compiler/prove.ts";
import { OBLIGATION_KINDS, type ObligationResult } from "../verify/obligation.ts";
import { countVerdicts } from "../verify/report.ts";

export function proofTable(proof: Proof): string {
  const table = new Table({
    head: ["", ...OBLIGATION_KINDS, "index", "verdict"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", ...OBLIGATION_KINDS.map(() => "right" as const), "left", "left"],
  });
  for (const { kernel, obligations, widths, dropped } of proof.kernels) {
    const index = `${widths.join(", ")}${dropped === undefined ? "" : " (not 32)"}`;
    table.push([kernel.name, ...cells(obligations), index, verdict(obligations)]);
  }
  for (const { plan, obligations } of proof.programs) {
    table.push([`program ${plan.name}`, ...cells(obligations), "", verdict(obligations)]);
  }
  return table.toString();
}

/** `123 obligations: 123 proved, 0 refuted, 0 unknown` */
export function proofSummary(proof: Proof): string {
  const obligations = allObligations(proof);
  const { proved, refuted, unknown } = countVerdicts(obligations);
  return `${obligations.length} obligations: ${proved} proved, ${refuted} refuted, ${unknown} unknown`;
}

function cells(obligations: readonly ObligationResult[]): readonly string[] {
  return OBLIGATION_KINDS.map((kind) => {
    const count = obligations.filter((obligation) => obligation.kind === kind).length;
    return count === 0 ? "" : String(count);
  });
}

function verdict(obligations: readonly ObligationResult[]): string {
  const { refuted, unknown } = countVerdicts(obligations);
  if (refuted > 0) return `${refuted} refuted`;
  return unknown > 0 ? `${unknown} unknown` : "proved";
}
