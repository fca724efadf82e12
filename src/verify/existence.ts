/**
 * Existence: that some thread, in some iterations, performs a given access to a given element.
 *
 * In: candidates, each an access with proposed values for its thread's symbols. Out: what a query assumes when it denies
 * every candidate; unsatisfiable means that for all sizes and elements one of them is there.
 *
 * A candidate's thread gets symbols of its own, defined by the proposal. It performs the access if its block and thread
 * are of the launch, each guard of the path holds, and the index is the element's. What the path learns on the way
 * (facts) holds of each run that met the guards before: it may be used for the guards that follow. What such a thread
 * reads or compares is unknown, so that the guards must hold whatever it is.
 */

import { digitLemmas } from "./digits.ts";
import { proposalEquations, proposalKey } from "./invert.ts";
import { otherThread, type Renaming } from "./query.ts";
import type { Scope } from "./scope.ts";
import { type Access, type Path, pathTerms } from "./summary.ts";
import { add, and, eq, implies, le, lt, not, numeral, rename, substitute, type Term } from "./term.ts";

export interface Candidate {
  readonly access: Access;
  /** Value for each symbol that is the candidate's own: all that its thread does not share with the query's thread. */
  readonly values: ReadonlyMap<string, Term>;
  /** The element, on each axis. */
  readonly element: readonly Term[];
  /** What makes it a thread of the launch; nothing for a thread known to be one. */
  readonly position: readonly Term[];
  /** Symbols that the candidate's thread has in common with the query's. */
  readonly shared: ReadonlySet<string>;
}

export interface Denial {
  readonly hypotheses: readonly Term[];
  readonly others: readonly Renaming[];
}

const NO_DIGITS = { presumed: new Map<string, Term>(), bits: new Set<string>() };

/** Nobody of `candidates` performs its access; `presumed` says what quotients and remainders in their values are, by `bits`. */
export function denyAll(
  scope: Scope,
  candidates: readonly Candidate[],
  { presumed, bits }: { readonly presumed: ReadonlyMap<string, Term>; readonly bits: ReadonlySet<string> } = NO_DIGITS,
): Denial {
  const names = new Map<string, Renaming>();
  const hypotheses: Term[] = [];
  for (const { access, values, element, position, shared } of candidates) {
    // The same thread under two candidates is one thread: what it compares comes out alike.
    const key = `${proposalKey(values)}\n${[...shared].sort().join(" ")}`;
    const known = names.get(key);
    const other = known ?? otherThread(scope, false, `w${names.size + 1}`, shared);
    if (known === undefined) {
      names.set(key, other);
      hypotheses.push(...proposalEquations(values, other));
      const own = new Map([...values].map(([symbol, value]) => [other(symbol), substitute(presumed, value)]));
      hypotheses.push(...digitLemmas(scope, [...pathTerms(access.path), ...access.index], { other, known: own, bits }));
    }
    const touches = access.index.map((index, axis) => touch(access, axis, rename(index, other), element[axis] ?? "0"));
    const placed = position.map((term) => rename(term, other));
    hypotheses.push(not(and(...placed, follow(access.path, other, and(...touches)))));
  }
  return { hypotheses, others: [...names.values()] };
}

/** guard₁ ∧ (fact₁ ⇒ guard₂ ∧ (…)) */
function follow(path: Path, other: Renaming, end: Term): Term {
  let condition = end;
  for (const { kind, term } of [...path].reverse()) {
    const renamed = rename(term, other);
    condition = kind === "guard" ? and(renamed, condition) : implies(renamed, condition);
  }
  return condition;
}

function touch(access: Access, axis: number, index: Term, element: Term): Term {
  if (access.lanes === 1n || axis !== access.index.length - 1) return eq(index, element);
  return and(le(index, element), lt(element, add(index, numeral(access.lanes))));
}
