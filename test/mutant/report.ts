/** The report of a mutation run: counts per operator and per kernel, what is not refuted, stale entries of the lists. */

import Table from "cli-table3";
import { formatPlace } from "../../src/support/span.ts";
import { OBLIGATION_KINDS, type ObligationKind } from "../../src/verify/obligation.ts";
import type { Judgement, MutantVerdict } from "./judge.ts";
import { OPERATOR_NAMES } from "./mutants.ts";
import { excuses, type Reviewed } from "./survivors.ts";

export interface MutationReport {
  readonly judgements: readonly Judgement[];
  /** Certified mutants that no reviewed list names. */
  readonly survivors: readonly Judgement[];
  /** Unknown ones that no reviewed list names. */
  readonly undecided: readonly Judgement[];
  /** The reasons that reviewed lists give for certified and unknown mutants. */
  readonly reasons: ReadonlyMap<Judgement, string>;
  /** Entries that name no mutant of their verdict. */
  readonly stale: readonly Reviewed[];
}

/** `whole`: every mutant of the lists' kernels was judged, so that entries can be stale. */
export function reportOf(
  judgements: readonly Judgement[],
  reviewed: readonly Reviewed[],
  whole: boolean,
): MutationReport {
  const excused = (entry: Reviewed, { mutant, verdict }: Judgement): boolean => excuses(entry, mutant.id, verdict);
  const reasons = new Map(
    judgements.flatMap((judgement): [Judgement, string][] => {
      const entry = reviewed.find((candidate) => excused(candidate, judgement));
      return entry === undefined ? [] : [[judgement, entry.reason]];
    }),
  );
  const unlisted = judgements.filter((judgement) => !reasons.has(judgement));
  return {
    judgements,
    survivors: unlisted.filter(({ verdict }) => verdict === "certified"),
    undecided: unlisted.filter(({ verdict }) => verdict === "unknown"),
    reasons,
    stale: whole ? reviewed.filter((entry) => !judgements.some((judgement) => excused(entry, judgement))) : [],
  };
}

export function isClean({ survivors, undecided, stale }: MutationReport): boolean {
  return survivors.length === 0 && undecided.length === 0 && stale.length === 0;
}

/** Two tables, the survivors with what was done to the kernel, and one line of counts. */
export function reportText(report: MutationReport): string {
  const { judgements, survivors, undecided, stale } = report;
  const kernels = [...new Set(judgements.map(({ mutant }) => mutant.kernel.name))];
  const perOperator = OPERATOR_NAMES.map(
    (name): Row => [name, judgements.filter(({ mutant }) => mutant.operator === name)],
  );
  const perKernel = kernels.map((name): Row => [name, judgements.filter(({ mutant }) => mutant.kernel.name === name)]);
  return [
    table("operator", perOperator, report),
    table("kernel", perKernel, report),
    ...undecided.map(unknownText),
    ...survivors.map(survivorText),
    ...stale.map(({ list, mutant, verdict }) => `${list}: the entry ${mutant} names no ${verdict} mutant`),
    summaryText(report),
  ].join("\n");
}

type Row = readonly [string, readonly Judgement[]];

function table(title: string, rows: readonly Row[], { reasons, survivors }: MutationReport): string {
  const surviving = new Set(survivors);
  const count = (judgements: readonly Judgement[], verdict: MutantVerdict): number =>
    judgements.filter((judgement) => judgement.verdict === verdict).length;
  const printed = new Table({
    head: [title, "mutants", "refuted", "unknown", "equivalent", "survivors", "killed by"],
    style: { head: [], border: [], compact: true },
    colAligns: ["left", "right", "right", "right", "right", "right", "left"],
  });
  for (const [name, judgements] of rows) {
    if (judgements.length === 0) continue;
    printed.push([
      name,
      judgements.length,
      count(judgements, "refuted"),
      count(judgements, "unknown"),
      judgements.filter((judgement) => judgement.verdict === "certified" && reasons.has(judgement)).length,
      judgements.filter((judgement) => surviving.has(judgement)).length,
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

function summaryText({ judgements, survivors, undecided }: MutationReport): string {
  const count = (verdict: MutantVerdict): number =>
    judgements.filter((judgement) => judgement.verdict === verdict).length;
  return (
    `${judgements.length} mutants: ${count("refuted")} refuted with a replayed witness, ` +
    `${count("unknown")} unknown (${count("unknown") - undecided.length} reviewed), ` +
    `${count("certified") - survivors.length} equivalent by review, ${survivors.length} survivors`
  );
}

/** For machines: one entry per mutant, and what fails the run. */
export function reportJson({ judgements, reasons, survivors, undecided, stale }: MutationReport): string {
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
    reviewed: reasons.get(judgement),
  }));
  const ids = (list: readonly Judgement[]): readonly string[] => list.map(({ mutant }) => mutant.id);
  const lists = { survivors: ids(survivors), undecided: ids(undecided), stale };
  return JSON.stringify({ format: 1, mutants, ...lists }, undefined, 2);
}
