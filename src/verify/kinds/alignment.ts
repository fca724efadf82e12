/**
 * Alignment: a vector access starts at a multiple of its lanes, so that its address is a multiple of its size. (That the
 * array itself starts at one is the launcher's check; shared arrays are declared so.)
 *
 * The address of a[i…][k] is i·E + k with the extent E of the last axis. It is a multiple when k is one, and E is one too
 * or every index before the last is 0. Sums whose parts are no multiples but cancel out are not looked for.
 */

import type { Claim, GiveId } from "../claim.ts";
import { divide } from "../scope.ts";
import { type Access, pathTerms, type Summary } from "../summary.ts";
import { and, eq, not, numeral, or, type Term } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";

export function alignmentClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  return summary.accesses.flatMap((access) =>
    access.lanes > 1n && access.space !== "register" ? [alignmentClaim(summary, access, giveId)] : [],
  );
}

function alignmentClaim(summary: Summary, access: Access, giveId: GiveId): Claim {
  const { array, lanes, index, extent, text, indexText } = access;
  const multiple = (term: Term): Term => eq(divide(summary.scope, term, numeral(lanes)).remainder, "0");
  const last = index.length - 1;
  const rows = or(multiple(extent[last] ?? "0"), and(...index.slice(0, last).map((outer) => eq(outer, "0"))));
  const goal = and(multiple(index[last] ?? "0"), last === 0 ? "true" : rows);
  return {
    id: giveId("alignment", array),
    kind: "alignment",
    span: access.span,
    statement: `the ${lanes} lanes of ${text} start at a multiple of ${lanes} elements`,
    failure: `the ${lanes} lanes of ${text} may start at an address that is no multiple of their size`,
    code: "TK317",
    hypotheses: [...baseAssumptions(summary), ...pathTerms(access.path), not(goal)],
    replay: {
      faults: ["alignment"],
      array,
      places: [access.span],
      width: 64,
      loops: access.loops,
      show: [
        { label: "index", term: index[last] ?? "0" },
        { label: "row length", term: extent[last] ?? "0" },
      ],
    },
    fix: `let ${indexText[last] ?? "the index"} be a multiple of ${lanes}, and add requires(mod(…, ${lanes}) === 0) for the length of a row`,
  };
}
