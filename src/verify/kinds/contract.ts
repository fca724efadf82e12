/**
 * Contract: each loop invariant holds before the first iteration and is kept by each iteration, and the conditions that
 * a kernel requires of its sizes can be met at all (else everything would follow from them).
 */

import type { Claim, GiveId } from "../claim.ts";
import { pathTerms, type Summary } from "../summary.ts";
import { not } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";

export function contractClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  return summary.invariants.map(({ path, goal, text, phase, span, loops }) => ({
    id: giveId("contract", "invariant"),
    kind: "contract",
    span,
    statement: `the invariant ${text} ${phase}`,
    failure:
      phase === "is kept by each iteration"
        ? `the invariant ${text} may be broken by an iteration`
        : `the invariant ${text} may not hold before the first iteration`,
    code: "TK309",
    hypotheses: [...baseAssumptions(summary), ...pathTerms(path), not(goal)],
    replay: { faults: ["invariant"], places: [span], width: 64, loops, show: [] },
    fix: "weaken the invariant, or add the conjunct that its proof needs",
  }));
}
