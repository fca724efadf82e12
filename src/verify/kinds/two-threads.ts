/** Two threads at one element: the hypotheses that claims about two threads share. */

import type { Kernel } from "../../ir/kernel/types.ts";
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

/**
 * For each write to an output, the thread that `covers(…)` names for its element: it alone may write it, which `coverage`
 * proves of every one of them. Absent without a word, with several, where a word leaves out an axis of the block, and where
 * a write is of more than one element.
 */
export function namedThreads(
  kernel: Kernel,
  { covers, accesses }: Summary,
  array: string,
): ReadonlyMap<Access, readonly Term[]> | undefined {
  const [word, ...more] = covers.filter(({ source }) => source.array === array);
  const writes = accesses.filter((access) => access.array === array && access.write);
  if (word === undefined || more.length > 0 || writes.length === 0) return undefined;
  if (writes.some(({ lanes }) => lanes !== 1n)) return undefined;
  const axes = [0, 1, 2] as const;
  if (axes.some((axis) => kernel.block[axis] > 1n && word.source.thread?.[axis] === undefined)) return undefined;
  return new Map(
    writes.map((access) => {
      const named = word.witness(access.index);
      return [access, axes.map((axis) => named.get(`thread.${"xyz"[axis]}`) ?? "0")];
    }),
  );
}

/** The thread of these symbols is the one that is named. */
export function isNamed(named: readonly Term[], other: (symbol: string) => string = (symbol) => symbol): Term {
  return and(...named.map((term, axis) => eq(other(`thread.${"xyz"[axis]}`), term)));
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
