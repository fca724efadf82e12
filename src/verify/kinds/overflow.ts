/**
 * Overflow: every integer that the machine evaluates fits the index width: indices, guards, flattened addresses, loop
 * counters with their exit increment. Divisors are positive, and an integer stored into a narrower element type fits it.
 *
 * The integers of one statement share a claim per width; the witness names the one that overflows.
 */

import { ELEMENT_RANGE, INT_RANGE, type IndexWidth } from "../../ir/kernel/limits.ts";
import type { Claim, GiveId } from "../claim.ts";
import { type Computed, pathTerms, type Summary } from "../summary.ts";
import { and, implies, le, lt, not, numeral, type Term } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";

export function overflowClaims(summary: Summary, width: IndexWidth, giveId: GiveId): readonly Claim[] {
  const groups = new Map<string, Computed[]>();
  for (const item of summary.computed) {
    // One claim per integer of a statement keeps witnesses exact; equal integers under equal paths are one.
    const key = `${item.statement}:${item.text}`;
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()].map((items) => overflowClaim(summary, items, width, giveId));
}

function overflowClaim(summary: Summary, items: readonly Computed[], width: IndexWidth, giveId: GiveId): Claim {
  const { min, max } = INT_RANGE[width];
  const [first] = items;
  const text = first?.text ?? "";
  const fits = items.map(({ path, term }) =>
    implies(and(...pathTerms(path)), and(le(numeral(min), term), le(term, numeral(max)))),
  );
  return {
    id: giveId("overflow", `i${width}.${first?.owner ?? ""}`),
    kind: "overflow",
    span: first?.span ?? { file: "", line: 1, column: 1, endLine: 1, endColumn: 1 },
    statement: `${text} fits ${width} bits`,
    failure: `${text} may overflow ${width}-bit arithmetic`,
    code: "TK305",
    hypotheses: [...baseAssumptions(summary, width), not(and(...fits))],
    factors: true,
    replay: {
      faults: ["overflow"],
      places: items.map(({ span }) => span),
      width,
      loops: first?.loops ?? [],
      show: items.slice(0, 1).map(({ term }) => ({ label: "value", term })),
    },
    fix: `bound it with requires(...)${width === 32 ? ', or drop index: "i32"' : ""}`,
  };
}

export function divisorClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  return summary.divisors.map(({ path, term, text, span, loops, division }) => ({
    id: giveId("overflow", "division"),
    kind: "overflow",
    span,
    statement: `the divisor ${text} is positive`,
    failure: `the divisor ${text} may be zero or negative`,
    code: "TK306",
    hypotheses: [...baseAssumptions(summary), ...pathTerms(path), not(lt("0", term))],
    replay: { faults: ["division"], places: [division], width: 64, loops, show: [{ label: "divisor", term }] },
    fix: `add requires(${text} >= 1), or guard the division`,
  }));
}

export function rangeClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  return summary.stored.map(({ path, term, element, array, text, span, loops }) => {
    const { min, max } = ELEMENT_RANGE[element];
    const fits: Term = and(le(numeral(min), term), le(term, numeral(max)));
    return {
      id: giveId("overflow", `range.${array}`),
      kind: "overflow",
      span,
      statement: `${text} fits the ${element} elements of ${array}`,
      failure: `${text} may not fit the ${element} elements of ${array}`,
      code: "TK307",
      hypotheses: [...baseAssumptions(summary), ...pathTerms(path), not(fits)],
      replay: { faults: ["range"], array, places: [span], width: 64, loops, show: [{ label: "value", term }] },
      fix: `use i64 elements for ${array}, or bound the value with requires(...)`,
    };
  });
}
