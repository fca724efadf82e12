/** The report of a mutation run: counts per operator and per kernel, survivors, and stale entries of reviewed lists. */

import Table from "cli-table3";
import { formatPlace } from "../../src/support/span.ts";
import { OBLIGATION_KINDS, type ObligationKind } from "../../src/verify/obligation.ts";
import type { Judgement, MutantVerdict } from "./judge.ts";
import { OPERATOR_NAMES } from "./mutants.ts";
import { names, type Reviewed } from "./survivors.ts";

export interface MutationReport {
  readonly judgements: readonly Judgement[];
  /** Certified mutants that no reviewed list names. */
  readonly survivors: readonly Judgement[];
  /** Certified mutants that a reviewed list gives a reason for. */
  readonly equivalent: readonly { readonly judgement: Judgement; readonly reason: string }[];
  /** Entries that name none of the certified mutants. */
  readonly stale: readonly Reviewed[];
}

/** `whole`: every mutant of the lists' kernels was judged, so that entries can be stale. */
export function reportOf(
  judgements: readonly Judgement[],
  reviewed: readonly Reviewed[],
  whole: boolean,
): MutationReport {
  const certified = judgements.filter(({ verdict }) => verdict === "certified");
  const equivalent = certified.flatMap((judgement) => {
    const entry = reviewed.find((candidate) => names(candidate, judgement.mutant.id));
    return entry === undefined ? [] : [{ judgement, reason: entry.reason }];
  });
  const listed = new Set(equivalent.map(({ judgement }) => judgement));
  const isStale = (entry: Reviewed): boolean => !certified.some(({ mutant }) => names(entry, mutant.id));
  return {
    judgements,
    survivors: certified.filter((judgement) => !listed.has(judgement)),
    equivalent,
    stale: whole ? reviewed.filter(isStale) : [],
  };
}

export function isClean({ survivors, stale }: MutationReport): boolean {
  return survivors.length === 0 && stale.length === 0;
}

/** Two tables, the survivors with what was done to the kernel, and one line of counts. */
export function reportText(report: MutationReport): string {
  const { judgements, survivors, stale } = report;
  const kernels = [...new Set(judgements.map(({ mutant }) => mutant.kernel.name))];
  const perOperator = OPERATOR_NAMES.map(
    (name): Row => [name, judgements.filter(({ mutant }) => mutant.operator === name)],
  );
  const perKernel = kernels.map((name): Row => [name, judgements.filter(({ mutant }) => mutant.kernel.name === name)]);
  return [
    table("operator", perOperator, report),
    table("kernel", perKernel, report),
    ...judgements.filter(({ verdict }) => verdict === "unknown").map(unknownText),
    ...survivors.map(survivorText),
    ...stale.map(({ list, mutant }) => `${list}: the entry ${mutant} names no survivor`),
    summaryText(report),
  ].join("\n");
}

type Row = readonly [string, readonly Judgement[]];

function table(title: string, rows: readonly Row[], { equivalent }: MutationReport): string {
  const listed = new Set(equivalent.map(({ judgement }) => judgement));
  const count = (judgements: readonly Judgement[], verdict: MutantVerdict): number =>
    judgements.filter((judgement) => judgement.verdict === verdict).length;
  const printed = new Table({
    head: [title, "mutants", "refuted", "unknown", "equivalent", "survivors", "killed by"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right", "left"],
  });
  for (const [name, judgements] of rows) {
    if (judgements.length === 0) continue;
    const reviewed = judgements.filter((judgement) => listed.has(judgement)).length;
    printed.push([
      name,
      judgements.length,
      count(judgements, "refuted"),
      count(judgements, "unknown"),
      reviewed,
      count(judgements, "certified") - reviewed,
      killers(judgements),
    ]);
  }
  return printed.toString();
}

/** `bounds 12, race 3` */
function killers(judgements: readonly Judgement[]): string {
  const killed = (kind: ObligationKind): number =>
    judgements.filter(({ verdict, by }) => verdict === "refuted" && by?.kind === kind).length;
  return OBLIGATION_KINDS.flatMap((kind) => (killed(kind) === 0 ? [] : [`${kind} ${killed(kind)}`])).join(", ");
}

function unknownText({ mutant, by, reason }: Judgement): string {
  return `unknown   ${mutant.id} (${by?.id ?? "no obligation"}): ${mutant.description}: ${reason ?? "no reason"}`;
}

function survivorText({ mutant }: Judgement): string {
  return `survivor  ${mutant.id}  ${formatPlace(mutant.span)}  ${mutant.description}`;
}

function summaryText({ judgements, equivalent, survivors }: MutationReport): string {
  const count = (verdict: MutantVerdict): number =>
    judgements.filter((judgement) => judgement.verdict === verdict).length;
  return (
    `${judgements.length} mutants: ${count("refuted")} refuted with a replayed witness, ${count("unknown")} unknown, ` +
    `${equivalent.length} equivalent by review, ${survivors.length} survivors`
  );
}

/** For machines: one entry per mutant, and what fails the run. */
export function reportJson({ judgements, equivalent, survivors, stale }: MutationReport): string {
  const reasons = new Map(equivalent.map(({ judgement, reason }) => [judgement, reason]));
  const mutants = judgements.map((judgement) => ({
    id: judgement.mutant.id,
    kernel: judgement.mutant.kernel.name,
    operator: judgement.mutant.operator,
    description: judgement.mutant.description,
    place: formatPlace(judgement.mutant.span),
    verdict: judgement.verdict,
    obligation: judgement.by?.id,
    kind: judgement.by?.kind,
    witness: judgement.witness?.text,
    replayed: judgement.witness?.replayed,
    reason: judgement.reason,
    equivalent: reasons.get(judgement),
  }));
  const ids = survivors.map(({ mutant }) => mutant.id);
  return JSON.stringify({ format: 1, mutants, survivors: ids, stale }, undefined, 2);
}
