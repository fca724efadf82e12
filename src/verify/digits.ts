/**
 * Digits: what the quotients and remainders of a chain of divisions are, where a dividend shows it by its form.
 *
 *   x = c·a + r ∧ 0 ≤ r < c  ⇒  x div c = a ∧ x mod c = r        (c > 0; the digits of a number are unique)
 *
 * A solver of linear arithmetic finds the digits of an index such as 64·block.x + 16·wave + 2·e + half one cut after
 * another. These lemmas offer them: a dividend's multiples of the divisor are `a`, and what is left is `r`. That r is
 * within bounds is the lemma's premise, so that a poor guess costs a clause and never makes a wrong proof. What a
 * division is presumed to be takes its place in the dividends of those after it.
 */

import type { Scope } from "./scope.ts";
import {
  add,
  and,
  eq,
  implies,
  le,
  lt,
  numeral,
  numeralValue,
  rename,
  scale,
  substitute,
  type Term,
  visitAtoms,
} from "./term.ts";

/** Σ coefficient · symbol + constant. */
interface Sum {
  readonly parts: ReadonlyMap<string, bigint>;
  readonly constant: bigint;
}

export interface DigitOptions {
  /** The renaming of the divisions' symbols; default: none. */
  readonly other?: (symbol: string) => string;
  /** Symbols that equal a term, as the renamed ones of a witness do. */
  readonly known?: ReadonlyMap<string, Term>;
  /** Symbols that are 0 or 1: of a sum of them even a quotient of 0 shows by its form. */
  readonly bits?: ReadonlySet<string>;
}

export interface Digits {
  readonly lemmas: readonly Term[];
  /** What is known, and what the quotients and remainders are presumed to be. */
  readonly presumed: ReadonlyMap<string, Term>;
}

/** Lemmas about the divisions that the terms rest on. */
export function digitLemmas(scope: Scope, terms: readonly Term[], options: DigitOptions = {}): readonly Term[] {
  return digitsOf(scope, terms, options).lemmas;
}

/** The same, with the digits themselves. */
export function digitsOf(
  scope: Scope,
  terms: readonly Term[],
  { other = (symbol) => symbol, known = new Map(), bits = new Set() }: DigitOptions,
): Digits {
  const needed = divisionsUnder(scope, terms);
  const presumed = new Map(known);
  const lemmas: Term[] = [];
  // In the order of their definition, so that a dividend's own divisions come first.
  for (const { quotient, remainder, dividend, divisor } of scope.divisions) {
    const c = numeralValue(divisor);
    if (c === undefined || c < 2n || !needed.has(quotient)) continue;
    const own = rename(dividend, other);
    const sum = sumOf(substitute(presumed, own));
    if (sum === undefined) continue;
    const [whole, rest] = split(sum, c);
    const ofBits = rest.parts.size > 0 && [...rest.parts.keys()].every((symbol) => bits.has(symbol));
    if (whole.parts.size === 0 && !ofBits) continue;
    const [a, r] = [termOf(whole), termOf(rest)];
    const [q, m] = [other(quotient), other(remainder)];
    const form = add(scale(c, a), r);
    lemmas.push(implies(and(eq(own, form), le("0", r), lt(r, numeral(c))), and(eq(q, a), eq(m, r))));
    presumed.set(q, a);
    presumed.set(m, r);
  }
  return { lemmas, presumed };
}

/** The quotients of the divisions that the terms mention, and of those in their dividends. */
function divisionsUnder(scope: Scope, terms: readonly Term[]): ReadonlySet<string> {
  const atoms = new Set<string>();
  const look = (term: Term): void => visitAtoms(term, (atom) => atoms.add(atom));
  for (const term of terms) look(term);
  const needed = new Set<string>();
  for (const { quotient, remainder, dividend } of [...scope.divisions].reverse()) {
    if (!atoms.has(quotient) && !atoms.has(remainder)) continue;
    needed.add(quotient);
    look(dividend);
  }
  return needed;
}

/** `undefined` for what is not linear. */
function sumOf(term: Term): Sum | undefined {
  const value = numeralValue(term);
  if (value !== undefined) return { parts: new Map(), constant: value };
  if (typeof term === "string") return { parts: new Map([[term, 1n]]), constant: 0n };
  const [op, first, second] = term;
  if (first === undefined) return undefined;
  const left = sumOf(first);
  if (op === "-" && second === undefined) return left && combine(left, -1n, NOTHING);
  if (second === undefined || term.length !== 3) return undefined;
  const factor = numeralValue(first);
  const right = sumOf(second);
  if (left === undefined || right === undefined) return undefined;
  if (op === "+") return combine(left, 1n, right);
  if (op === "-") return combine(right, -1n, left);
  return op === "*" && factor !== undefined ? combine(right, factor, NOTHING) : undefined;
}

const NOTHING: Sum = { parts: new Map(), constant: 0n };

/** factor · first + second */
function combine(first: Sum, factor: bigint, second: Sum): Sum {
  const parts = new Map(second.parts);
  for (const [symbol, coefficient] of first.parts) {
    const sum = (parts.get(symbol) ?? 0n) + factor * coefficient;
    if (sum === 0n) parts.delete(symbol);
    else parts.set(symbol, sum);
  }
  return { parts, constant: factor * first.constant + second.constant };
}

/** `sum = c·whole + rest`: of each part as many as there are, of the constant the largest multiple of c. */
function split({ parts, constant }: Sum, c: bigint): readonly [whole: Sum, rest: Sum] {
  const whole = new Map<string, bigint>();
  const rest = new Map<string, bigint>();
  for (const [symbol, coefficient] of parts) {
    if (coefficient % c === 0n) whole.set(symbol, coefficient / c);
    else rest.set(symbol, coefficient);
  }
  const left = ((constant % c) + c) % c;
  return [
    { parts: whole, constant: (constant - left) / c },
    { parts: rest, constant: left },
  ];
}

function termOf({ parts, constant }: Sum): Term {
  const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
  const sum = sorted.reduce<Term>((left, [symbol, coefficient]) => add(left, scale(coefficient, symbol)), "0");
  return add(sum, numeral(constant));
}
