/** The terms of normal forms, and a hash table from them to the form's number: open addressing, at most half full. */

import type { Form, Monomial } from "./monomials.ts";
import { equals, plus, type Rational, textOf } from "./rational.ts";

export interface FormTerm {
  readonly monomial: Monomial;
  readonly coefficient: Rational;
}

export class FormTable {
  readonly #termsOf: readonly (readonly FormTerm[])[];
  /** Per slot a form and 1; 0 where there is none. */
  #slots = new Int32Array(1 << 12);
  /** By form. */
  readonly #hashes: number[] = [];
  #used = 0;

  /** `termsOf` grows with what is added. */
  constructor(termsOf: readonly (readonly FormTerm[])[]) {
    this.#termsOf = termsOf;
  }

  /** The form with these terms; `undefined` where there is none, with the hash to add it by. */
  find(terms: readonly FormTerm[]): { readonly form: Form | undefined; readonly hash: number } {
    const hash = hashOf(terms);
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const form = (this.#slots[slot] ?? 0) - 1;
      if (form < 0) return { form: undefined, hash };
      if (this.#hashes[form] === hash && areSame(this.#termsOf[form] ?? [], terms)) return { form, hash };
    }
  }

  /** Adds a form whose terms have been looked for. */
  add({ hash }: { readonly hash: number }, form: Form): void {
    if (2 * (this.#used + 1) > this.#slots.length) {
      const old = this.#slots;
      this.#slots = new Int32Array(2 * old.length);
      for (const entry of old) if (entry > 0) this.#put(this.#hashes[entry - 1] ?? 0, entry - 1);
    }
    this.#hashes[form] = hash;
    this.#put(hash, form);
    this.#used++;
  }

  #put(hash: number, form: Form): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = form + 1;
  }
}

/** Adds a term to a sum that is being made. */
export function add(sum: Map<Monomial, Rational>, monomial: Monomial, coefficient: Rational): void {
  const present = sum.get(monomial);
  sum.set(monomial, present === undefined ? coefficient : plus(present, coefficient));
}

/** Sorts the terms by monomial, in place. */
export function ascending(terms: FormTerm[]): FormTerm[] {
  const isAbove = (term: FormTerm, position: number): boolean =>
    position === 0 || (terms[position - 1]?.monomial ?? 0) < term.monomial;
  // Most sums are made in the order in which their monomials were.
  return terms.every(isAbove) ? terms : terms.sort((a, b) => a.monomial - b.monomial);
}

function areSame(a: readonly FormTerm[], b: readonly FormTerm[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const [p, q] = [a[i], b[i]];
    if (p === undefined || q === undefined) return false;
    if (p.monomial !== q.monomial || !equals(p.coefficient, q.coefficient)) return false;
  }
  return true;
}

function hashOf(terms: readonly FormTerm[]): number {
  let hash = terms.length;
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i];
    if (term === undefined) continue;
    hash = mixed(hash, term.monomial);
    if (term.coefficient !== 1) hash = mixed(hash, coefficientHash(term.coefficient));
  }
  return hash >>> 0;
}

function coefficientHash(coefficient: Rational): number {
  if (typeof coefficient === "number") return coefficient | 0;
  let hash = 7;
  const text = textOf(coefficient);
  for (let i = 0; i < text.length; i++) hash = mixed(hash, text.charCodeAt(i));
  return hash;
}

function mixed(hash: number, value: number): number {
  const product = Math.imul(hash ^ value, 0x9e3779b1);
  return product ^ (product >>> 15);
}
