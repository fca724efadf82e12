/**
 * Instances: what a query may assume of the contents of index tensors, at the elements and ghosts that it mentions.
 *
 * - A clause is instantiated at every combination of values that the query's elements give its variables: an element
 *   `ids[t']` and the clause's pattern `ids[t + 1]` give t = t' − 1. Each instance has the guards 0 ≤ variable < extent,
 *   so that it holds for any values: more of them can only help.
 * - Instances mention further elements, which give further values: this is done for a fixed number of rounds.
 * - Ghosts get the lemmas of their definition. With c(i, v) = #{j < i : a[j] = v} and S(i) = Σ_{j<i} a[j]:
 *
 *     i ≤ 0 ⇒ c(i, v) = 0      0 ≤ c(i, v)      0 ≤ i ⇒ c(i, v) ≤ i      0 ≤ j ⇒ c(j+1, v) = c(j, v) + [a[j] = v]
 *     i ≤ j ∧ v = w ⇒ c(i, v) ≤ c(j, w) ≤ c(i, v) + (j − i)
 *     i ≤ 0 ⇒ S(i) = 0         0 ≤ j ⇒ S(j+1) = S(j) + a[j]
 *     i ≤ j ⇒ S(i) ≤ S(j), and 0 ≤ i ⇒ 0 ≤ S(i)   where every element is ≥ 0, which is an obligation of the kernel (`kinds/data.ts`)
 *
 *   and with b(i, v) = #{j < i : a[j] < v}, for some w(i, v) and u(i, v),
 *
 *     i ≤ 0 ⇒ b(i, v) = 0      0 ≤ b(i, v)      0 ≤ i ⇒ b(i, v) ≤ i
 *     b(i, v+1) = b(i, v) + c(i, v)           v ≤ w ⇒ b(i, v) ≤ b(i, w)
 *     0 < b(i, v) ⇒ 0 ≤ w < i ∧ a[w] < v      0 ≤ i ∧ b(i, v) < i ⇒ 0 ≤ u < i ∧ a[u] ≥ v
 *
 *   and with p(i, v, n) the place of the n-th v, from 0, which is there since c(·, v) starts at 0 and grows by at most 1,
 *
 *     0 ≤ n < c(i, v) ⇒ 0 ≤ p < i ∧ a[p] = v ∧ c(p, v) = n
 *
 *   all of which follow by induction on i or j ≥ 0; for arguments beyond the tensor, a[j] is any function that extends it.
 *   Where its premise does not hold, nothing is said of p.
 */

import type { GhostFunction } from "../ir/kernel/expr.ts";
import type { DataClause } from "./data-clause.ts";
import { BELOW_WITNESSES } from "./scope.ts";
import { add, and, eq, implies, ite, le, lt, numeral, printTerm, sub, type Term, visitTerms, within } from "./term.ts";

/** An element `array[index…]`, wherever a query mentions it. */
interface Element {
  readonly array: string;
  readonly index: readonly Term[];
}

const ROUNDS = 2;
/** One more: from a count to `below`, to the element that it speaks of, to what clauses say of that. */
const ROUNDS_WITH_BELOW = 3;
/** Beyond this many instances of one clause in one round the rest is left out, which can only weaken a proof. */
const MAX_INSTANCES = 400;

/**
 * What the clauses and the ghosts' lemmas say of the elements in `terms` and in each other, by its text; `ordered`: that
 * of sums.
 */
export function instancesFor(
  clauses: readonly DataClause[],
  terms: readonly Term[],
  ordered: boolean,
): ReadonlyMap<string, Term> {
  const instances = new Map<string, Term>();
  const mentioned: Mentioned = { elements: new Map(), ghosts: new Map(), places: new Map() };
  const { elements: known, ghosts, places } = mentioned;
  let next: readonly Term[] = terms;
  const counted = (): boolean => [...ghosts.values()].some(({ fn }) => fn === "below");
  for (let round = 0; round < (counted() ? ROUNDS_WITH_BELOW : ROUNDS) && next.length > 0; round++) {
    const before = known.size + ghosts.size + places.size;
    for (const term of next) collect(term, mentioned);
    if (round > 0 && known.size + ghosts.size + places.size === before) break;
    const made: Term[] = [];
    const note = (term: Term): void => {
      const text = printTerm(term);
      if (term === "true" || instances.has(text)) return;
      instances.set(text, term);
      made.push(term);
    };
    for (const clause of clauses) {
      for (const values of valuesOf(clause, [...known.values()])) note(clause.instance(values));
    }
    for (const term of stepLemmas([...ghosts.values()], [...known.values()])) note(term);
    for (const term of belowLemmas([...ghosts.values()])) note(term);
    for (const place of places.values()) note(placeLemma(place));
    next = made;
  }
  for (const term of next) collect(term, mentioned);
  for (const term of [...boundLemmas([...ghosts.values()], ordered), ...orderLemmas([...ghosts.values()], ordered)]) {
    instances.set(printTerm(term), term);
  }
  return instances;
}

interface Ghost {
  readonly fn: Exclude<GhostFunction, "nth-occurrence">;
  readonly array: string;
  readonly position: Term;
  readonly value: Term | undefined;
  readonly term: Term;
}

/** p(position, value, ordinal) */
interface Place {
  readonly array: string;
  readonly position: Term;
  readonly value: Term;
  readonly ordinal: Term;
  readonly term: Term;
}

interface Mentioned {
  readonly elements: Map<string, Element>;
  readonly ghosts: Map<string, Ghost>;
  readonly places: Map<string, Place>;
}

function collect(term: Term, { elements, ghosts, places }: Mentioned): void {
  visitTerms(term, (part) => {
    if (typeof part === "string") return;
    const [head, ...args] = part;
    if (typeof head !== "string" || !head.includes(".")) return;
    const [, kind, array = ""] = /^(input|prefix-sum|occurrences|below|nth-occurrence)\.(.*)$/.exec(head) ?? [];
    if (kind === undefined) return;
    const text = printTerm(part);
    if (kind === "input") {
      elements.set(text, { array, index: args });
      return;
    }
    const [position = "0", value, ordinal] = args;
    if (kind === "nth-occurrence") {
      places.set(text, { array, position, value: value ?? "0", ordinal: ordinal ?? "0", term: part });
      return;
    }
    const fn = kind === "occurrences" || kind === "below" ? kind : "prefix-sum";
    ghosts.set(text, { fn, array, position, value, term: part });
  });
}

/** The combinations of values that the elements give a clause's variables; one empty one for a clause without any. */
function valuesOf(clause: DataClause, elements: readonly Element[]): readonly (readonly Term[])[] {
  const candidates = clause.extents.map(() => new Map<string, Term>());
  for (const { array, axes } of clause.patterns) {
    for (const element of elements) {
      if (element.array !== array) continue;
      for (const { axis, variable, offset } of axes) {
        const value = sub(element.index[axis] ?? "0", numeral(offset));
        candidates[variable]?.set(printTerm(value), value);
      }
    }
  }
  let combinations: readonly (readonly Term[])[] = [[]];
  for (const values of candidates) {
    combinations = combinations.flatMap((chosen) => [...values.values()].map((value) => [...chosen, value]));
  }
  return combinations.slice(0, MAX_INSTANCES);
}

/** c(j+1, v) = c(j, v) + [a[j] = v] for each element a[j] and each v; S(j+1) = S(j) + a[j]. */
function stepLemmas(ghosts: readonly Ghost[], elements: readonly Element[]): readonly Term[] {
  const values = new Map<string, { readonly ghost: Ghost; readonly value: Term | undefined }>();
  for (const ghost of ghosts) {
    if (ghost.fn === "below") continue;
    const value = ghost.value === undefined ? "" : printTerm(ghost.value);
    values.set(`${ghost.fn} ${ghost.array} ${value}`, { ghost, value: ghost.value });
  }
  return [...values.values()].flatMap(({ ghost, value }) =>
    elements.flatMap(({ array, index: [j = "0"] }): readonly Term[] => {
      if (array !== ghost.array) return [];
      const element: Term = [`input.${array}`, j];
      const at = (position: Term): Term => [`${ghost.fn}.${array}`, position, ...(value === undefined ? [] : [value])];
      const increment = value === undefined ? element : ite(eq(element, value), "1", "0");
      return [implies(le("0", j), eq(at(add(j, "1")), add(at(j), increment)))];
    }),
  );
}

/** What `below` has to do with `occurrences` up to the same position, and where elements are that it counts, or does not. */
function belowLemmas(ghosts: readonly Ghost[]): readonly Term[] {
  const counted = ghosts.filter(({ fn }) => fn === "below");
  const places = new Set(counted.map(({ array, position }) => `${array} ${printTerm(position)}`));
  return ghosts.flatMap(({ fn, array, position, value = "0", term }): readonly Term[] => {
    if (!places.has(`${array} ${printTerm(position)}`)) return [];
    const below = (limit: Term): Term => [`below.${array}`, position, limit];
    const witnesses = (limit: Term): readonly Term[] => {
      const [smaller, other] = BELOW_WITNESSES.map((kind): Term => [`${kind}.${array}`, position, limit]);
      if (smaller === undefined || other === undefined) return [];
      const element = (index: Term): Term => [`input.${array}`, index];
      const isSmaller = and(within("0", smaller, position), lt(element(smaller), limit));
      const isOther = and(within("0", other, position), le(limit, element(other)));
      return [
        implies(lt("0", below(limit)), isSmaller),
        implies(and(le("0", position), lt(below(limit), position)), isOther),
      ];
    };
    if (fn === "below") return witnesses(value);
    if (fn !== "occurrences") return [];
    const next = add(value, "1");
    return [eq(below(next), add(below(value), term)), ...witnesses(value), ...witnesses(next)];
  });
}

function placeLemma({ array, position, value, ordinal, term }: Place): Term {
  const count = (end: Term): Term => [`occurrences.${array}`, end, value];
  const there = and(within("0", term, position), eq([`input.${array}`, term], value), eq(count(term), ordinal));
  return implies(within("0", ordinal, count(position)), there);
}

function boundLemmas(ghosts: readonly Ghost[], sums: boolean): readonly Term[] {
  return ghosts.flatMap(({ fn, position, term }) => [
    implies(le(position, "0"), eq(term, "0")),
    ...(fn === "prefix-sum" && sums ? [implies(le("0", position), le("0", term))] : []),
    ...(fn !== "prefix-sum" ? [and(le("0", term), implies(le("0", position), le(term, position)))] : []),
  ]);
}

function orderLemmas(ghosts: readonly Ghost[], sums: boolean): readonly Term[] {
  return ghosts.flatMap((first) =>
    ghosts.flatMap((second): readonly Term[] => {
      if (first === second || first.fn !== second.fn || first.array !== second.array) return [];
      if (first.fn === "prefix-sum" && !sums) return [];
      const ordered = le(first.position, second.position);
      if (first.fn === "prefix-sum") return [implies(ordered, le(first.term, second.term))];
      const same = eq(first.value ?? "0", second.value ?? "0");
      if (first.fn === "below") {
        if (printTerm(first.position) !== printTerm(second.position)) return [];
        return [implies(le(first.value ?? "0", second.value ?? "0"), le(first.term, second.term))];
      }
      if (same === "false") return [];
      const growth = sub(second.position, first.position);
      const inside = and(le(first.term, second.term), le(second.term, add(first.term, growth)));
      return [implies(and(le("0", first.position), ordered, same), inside)];
    }),
  );
}
