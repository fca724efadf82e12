/** Two threads at one element: the hypotheses that claims about two threads share. */

import type { Renaming } from "../query.ts";
import { type Access, pathTerms, type Summary } from "../summary.ts";
import { add, and, eq, lt, not, numeral, or, rename, type Term } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";

/** One thread of the launch reaches the first access, and the thread of `renaming` the second. */
export function bothReach(summary: Summary, first: Access, second: Access, renaming: Renaming): readonly Term[] {
  const base = baseAssumptions(summary);
  return [
    ...base,
    ...base.map((term) => rename(term, renaming)),
    ...pathTerms(first.path),
    ...pathTerms(second.path).map((term) => rename(term, renaming)),
  ];
}

/** The two differ in at least one of their indices. */
export function apart(of: "thread" | "block", renaming: Renaming): Term {
  return or(...["x", "y", "z"].map((axis) => not(eq(`${of}.${axis}`, renaming(`${of}.${axis}`)))));
}

/** The two touch a common element: equal indices, and on the last axis ranges that overlap. */
export function meet(first: Access, second: Access, renaming: Renaming): readonly Term[] {
  const last = first.index.length - 1;
  return first.index.map((index, axis) => {
    const other = rename(second.index[axis] ?? "0", renaming);
    if (axis < last || (first.lanes === 1n && second.lanes === 1n)) return eq(index, other);
    return and(lt(index, add(other, numeral(second.lanes))), lt(other, add(index, numeral(first.lanes))));
  });
}
