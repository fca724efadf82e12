/**
 * Bounds: every index of every access to global, shared and register memory is within its axis, dimension by dimension,
 * under the conditions on the path; of a vector access, every lane. One claim per access; its witness is an index that
 * is not.
 */

import type { Claim, GiveId } from "../claim.ts";
import { type Access, pathTerms, type Summary } from "../summary.ts";
import { and, not, numeral, sub, type Term, visitAtoms, within } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";

export function boundsClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  return summary.accesses.map((access) => boundsClaim(summary, access, giveId));
}

/** The access is within its array, axis by axis, with every lane. */
export function insideTerms(access: Access): readonly Term[] {
  const last = access.index.length - 1;
  return access.index.map((index, axis) => {
    const room = axis === last ? sub(extentOf(access, axis), numeral(access.lanes - 1n)) : extentOf(access, axis);
    return within("0", index, room);
  });
}

function boundsClaim(summary: Summary, access: Access, giveId: GiveId): Claim {
  const verb = access.write ? "written" : "read";
  return {
    id: giveId("bounds", access.array),
    kind: "bounds",
    span: access.span,
    statement: `${access.text} is ${verb} within ${access.array}`,
    failure: `${access.text} may be ${verb} ${mayBeNegative(access) ? "outside its bounds" : "past its end"}`,
    code: "TK301",
    hypotheses: [...baseAssumptions(summary), ...pathTerms(access.path), not(and(...insideTerms(access)))],
    replay: {
      faults: ["bounds"],
      array: access.array,
      places: [access.span],
      width: 64,
      loops: access.loops,
      show: access.index.flatMap((index, axis) => {
        const suffix = access.index.length > 1 ? ` of axis ${axis}` : "";
        return [
          { label: `index${suffix}`, term: index },
          { label: `length${suffix}`, term: extentOf(access, axis) },
        ];
      }),
    },
    fix: boundsFix(access),
  };
}

/** A guard for each axis whose index is not a plain constant. */
function boundsFix(access: Access): string {
  const guards = access.indexText.flatMap((text, axis) => {
    if (/^\d+$/.test(text)) return [];
    const upper = `${text} < ${describeExtent(extentOf(access, axis))}`;
    const index = access.index[axis];
    return index !== undefined && isFree(index) ? [`0 <= ${text}`, upper] : [upper];
  });
  return guards.length === 0 ? `enlarge ${access.array}` : `guard with ${guards.join(" && ")}`;
}

function mayBeNegative(access: Access): boolean {
  return access.index.some(isFree);
}

/** Whether the index comes from memory, from a loop's unknown state or from a subtraction. */
function isFree(index: Term): boolean {
  let free = false;
  visitAtoms(index, (atom) => {
    if (atom === "-" || /^(element|read|loop|scalar)\./.test(atom)) free = true;
  });
  return free;
}

function extentOf(access: Access, axis: number): Term {
  return access.extent[axis] ?? "0";
}

function describeExtent(extent: Term): string {
  if (typeof extent === "string") return extent.replace(/^dim\./, "");
  const [op, left, right] = extent;
  if (op === undefined || left === undefined || right === undefined) return "its extent";
  return `${describeExtent(left)} ${String(op)} ${describeExtent(right)}`;
}
