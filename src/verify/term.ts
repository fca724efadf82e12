/**
 * SMT terms: S-expressions over Int and Bool, built with light simplification and printed as SMT-LIB 2.
 *
 * A term is an atom (symbol or numeral) or an application. Only laws that hold in every model simplify, so that a
 * printed obligation means what the unsimplified one means.
 */

import type { CompareOp } from "../ir/kernel/expr.ts";

export type Term = string | readonly Term[];

export const TRUE: Term = "true";
export const FALSE: Term = "false";

export function numeral(value: bigint): Term {
  return value < 0n ? ["-", (-value).toString()] : value.toString();
}

/** The value of a numeral; `undefined` for any other term. */
export function numeralValue(term: Term): bigint | undefined {
  if (typeof term === "string") return isNumeral(term) ? BigInt(term) : undefined;
  const [head, argument] = term;
  if (term.length !== 2 || head !== "-" || typeof argument !== "string" || !isNumeral(argument)) return undefined;
  return -BigInt(argument);
}

function isNumeral(atom: string): boolean {
  const first = atom.charCodeAt(0);
  return first >= 48 && first <= 57 && /^\d+$/.test(atom);
}

export function and(...terms: readonly Term[]): Term {
  return junction("and", TRUE, FALSE, terms);
}

export function or(...terms: readonly Term[]): Term {
  return junction("or", FALSE, TRUE, terms);
}

export function not(term: Term): Term {
  if (term === TRUE) return FALSE;
  if (term === FALSE) return TRUE;
  if (typeof term !== "string" && term[0] === "not" && term[1] !== undefined) return term[1];
  return ["not", term];
}

export function implies(premise: Term, conclusion: Term): Term {
  if (premise === TRUE || conclusion === TRUE) return conclusion;
  if (premise === FALSE) return TRUE;
  return ["=>", premise, conclusion];
}

export function add(left: Term, right: Term): Term {
  const [a, b] = [numeralValue(left), numeralValue(right)];
  if (a !== undefined && b !== undefined) return numeral(a + b);
  if (a === 0n) return right;
  if (b === 0n) return left;
  return b === undefined ? ["+", left, right] : plus(left, b);
}

/** (t ± c) + d → t ± (c ± d), so that equal sums have equal texts. */
function plus(term: Term, constant: bigint): Term {
  const [op, base, last] = typeof term === "string" ? [] : term;
  const inner = last === undefined ? undefined : numeralValue(last);
  const known = (op === "+" || op === "-") && base !== undefined && inner !== undefined && term.length === 3;
  const start = known ? base : term;
  const sum = known ? constant + (op === "+" ? inner : -inner) : constant;
  if (sum === 0n) return start;
  return sum > 0n ? ["+", start, numeral(sum)] : ["-", start, numeral(-sum)];
}

export function sub(left: Term, right: Term): Term {
  const [a, b] = [numeralValue(left), numeralValue(right)];
  if (a !== undefined && b !== undefined) return numeral(a - b);
  return b === undefined ? ["-", left, right] : plus(left, -b);
}

/** The product where at least one side is a numeral, which keeps it linear. */
export function scale(factor: bigint, term: Term): Term {
  const value = numeralValue(term);
  if (value !== undefined) return numeral(factor * value);
  if (factor === 0n) return "0";
  if (factor === 1n) return term;
  return ["*", numeral(factor), term];
}

export function ite(cond: Term, then: Term, otherwise: Term): Term {
  if (cond === TRUE) return then;
  if (cond === FALSE) return otherwise;
  if (sameTerm(then, otherwise)) return then;
  return ["ite", cond, then, otherwise];
}

const COMPARE_SYMBOL = { lt: "<", le: "<=", gt: ">", ge: ">=", eq: "=" } as const;

export function compareTerms(op: CompareOp, left: Term, right: Term): Term {
  if (op === "ne") return not(compareTerms("eq", left, right));
  const [a, b] = [numeralValue(left), numeralValue(right)];
  if (a !== undefined && b !== undefined) {
    const holds = { lt: a < b, le: a <= b, gt: a > b, ge: a >= b, eq: a === b }[op];
    return holds ? TRUE : FALSE;
  }
  if (sameTerm(left, right)) return op === "eq" || op === "le" || op === "ge" ? TRUE : FALSE;
  return [COMPARE_SYMBOL[op], left, right];
}

export const lt = (left: Term, right: Term): Term => compareTerms("lt", left, right);
export const le = (left: Term, right: Term): Term => compareTerms("le", left, right);
export const eq = (left: Term, right: Term): Term => compareTerms("eq", left, right);

/** `low ≤ term < high` */
export function within(low: Term, term: Term, high: Term): Term {
  return and(le(low, term), lt(term, high));
}

export function printTerm(term: Term): string {
  return typeof term === "string" ? term : `(${term.map(printTerm).join(" ")})`;
}

function sameTerm(left: Term, right: Term): boolean {
  if (left === right) return true;
  if (typeof left === "string" || typeof right === "string" || left.length !== right.length) return false;
  return left.every((part, position) => sameTerm(part, right[position] ?? ""));
}

/** Renames symbols; operators and numerals are symbols that the map leaves alone. What stays the same is the same term. */
export function rename(term: Term, map: (symbol: string) => string): Term {
  if (typeof term === "string") return map(term);
  const parts = term.map((part) => rename(part, map));
  return parts.every((part, position) => part === term[position]) ? term : parts;
}

/** The term with values in the places of symbols. */
export function substitute(values: ReadonlyMap<string, Term>, term: Term): Term {
  if (typeof term === "string") return values.get(term) ?? term;
  return term.map((part) => substitute(values, part));
}

/** Every atom of the term: symbols, operators and numerals alike. */
export function visitAtoms(term: Term, visit: (atom: string) => void): void {
  if (typeof term === "string") visit(term);
  else for (const part of term) visitAtoms(part, visit);
}

interface Facets {
  readonly text: string;
  /** Every atom, once. */
  readonly atoms: readonly string[];
}

const facets = new WeakMap<readonly Term[], Facets>();

/** What queries want of a term that many of them assert, as the assumptions of a kernel: a term never changes. */
export function termFacets(term: Term): Facets {
  if (typeof term === "string") return { text: term, atoms: [term] };
  const known = facets.get(term);
  if (known !== undefined) return known;
  const atoms = new Set<string>();
  visitAtoms(term, (atom) => atoms.add(atom));
  const made = { text: printTerm(term), atoms: [...atoms] };
  facets.set(term, made);
  return made;
}

/** Every part of the term, outermost first. */
export function visitTerms(term: Term, visit: (part: Term) => void): void {
  visit(term);
  if (typeof term !== "string") for (const part of term) visitTerms(part, visit);
}

function junction(op: "and" | "or", unit: Term, zero: Term, terms: readonly Term[]): Term {
  const parts: Term[] = [];
  for (const term of terms) {
    if (term === zero) return zero;
    if (term === unit) continue;
    if (typeof term !== "string" && term[0] === op) parts.push(...term.slice(1));
    else parts.push(term);
  }
  const [only] = parts;
  if (only === undefined) return unit;
  return parts.length === 1 ? only : [op, ...parts];
}
