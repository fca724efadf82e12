/**
 * Monomials: products of powers of atoms, each product once and named by a number.
 *
 * An atom is what no rule takes apart: a variable, a function of a normal form, a bracket ([form > 0], [form = 0]), or a
 * sum that is a factor. Exponents are integers, but for those of `exp`, which are rational: exp(t/2) is exp(t)^(1/2).
 * Brackets are 0 or 1, so that their powers are themselves, and [d > 0]·[d = 0] is 0.
 */

import { InternalError } from "../../support/result.ts";
import { negated, plus, type Rational, signOf, textOf } from "./rational.ts";
import { TripleTable } from "./triple-table.ts";

/** A normal form's number in its `Forms`. */
export type Form = number;
/** A monomial's number, and an atom's. */
export type Monomial = number;
export type Atom = number;

export type AtomKey =
  | { readonly kind: "variable"; readonly name: string; readonly ordinal: number }
  | { readonly kind: "undefined"; readonly why: string; readonly ordinal: number }
  /** `exp` of one monomial, without its coefficient. */
  | { readonly kind: "exp"; readonly monomial: Monomial }
  | { readonly kind: "call"; readonly fn: "log" | "erf" | "tanh" | "sqrt" | "abs"; readonly form: Form }
  | { readonly kind: "max"; readonly forms: readonly Form[] }
  | { readonly kind: "positive" | "positive-integer" | "zero"; readonly form: Form }
  /** A sum of at least two terms with no factor in common. */
  | { readonly kind: "sum"; readonly form: Form };

export interface Factor {
  readonly atom: Atom;
  readonly exponent: Rational;
}

/** The empty product. */
export const UNIT: Monomial = 0;

/** What tells atoms of the same form apart in the table. */
const TAGS = {
  variable: 0,
  undefined: 1,
  exp: 2,
  log: 3,
  erf: 4,
  tanh: 5,
  sqrt: 6,
  abs: 7,
  positive: 8,
  "positive-integer": 9,
  zero: 10,
  sum: 11,
} as const;

/** In the table of products, what stands for a product that is 0; other entries are a monomial and 1. */
const VANISHES = 0;

export class Monomials {
  readonly #atoms: AtomKey[] = [];
  readonly #atomIds = new TripleTable();
  /** Maxima have a set of forms. */
  readonly #maxima = new Map<string, Atom>();
  readonly #factors: (readonly Factor[])[] = [[]];
  readonly #ids = new Map<string, Monomial>([["", UNIT]]);
  /** Each atom as a monomial. */
  readonly #firstPowers: (Monomial | undefined)[] = [];
  readonly #products = new TripleTable();
  /** [d > 0] ↔ [d = 0] */
  readonly #exclusive = new Map<Atom, Atom>();

  atom(key: AtomKey): Atom {
    if (key.kind === "max") {
      const text = key.forms.join(" ");
      const known = this.#maxima.get(text);
      if (known !== undefined) return known;
      this.#maxima.set(text, this.#atoms.length);
      return this.#atoms.push(key) - 1;
    }
    const [tag, operand] = tagOf(key);
    const known = this.#atomIds.get(tag, operand, 0);
    if (known >= 0) return known;
    const made = this.#atoms.push(key) - 1;
    this.#atomIds.add(tag, operand, 0, made);
    if (key.kind === "positive" || key.kind === "zero") {
      const other = this.#atomIds.get(TAGS[key.kind === "zero" ? "positive" : "zero"], operand, 0);
      if (other >= 0) {
        this.#exclusive.set(made, other);
        this.#exclusive.set(other, made);
      }
    }
    return made;
  }

  keyOf(atom: Atom): AtomKey {
    const key = this.#atoms[atom];
    if (key === undefined) throw new InternalError(`there is no atom ${atom}`);
    return key;
  }

  isBracket(atom: Atom): boolean {
    const { kind } = this.keyOf(atom);
    return kind === "positive" || kind === "positive-integer" || kind === "zero";
  }

  factorsOf(monomial: Monomial): readonly Factor[] {
    const factors = this.#factors[monomial];
    if (factors === undefined) throw new InternalError(`there is no monomial ${monomial}`);
    return factors;
  }

  /** An atom's power, as a monomial. */
  power(atom: Atom, exponent: Rational): Monomial {
    const own = this.isBracket(atom) && signOf(exponent) > 0 ? 1 : exponent;
    if (own !== 1) return this.#intern([{ atom, exponent: own }]);
    this.#firstPowers[atom] ??= this.#intern([{ atom, exponent: own }]);
    return this.#firstPowers[atom];
  }

  /** The product; `undefined` where it is 0. */
  product(a: Monomial, b: Monomial): Monomial | undefined {
    if (a === UNIT) return b;
    if (b === UNIT) return a;
    const [less, more] = [Math.min(a, b), Math.max(a, b)];
    const known = this.#products.get(less, more, 0);
    if (known >= 0) return known === VANISHES ? undefined : known - 1;
    const product = this.#multiply(this.factorsOf(a), this.factorsOf(b));
    this.#products.add(less, more, 0, product === undefined ? VANISHES : product + 1);
    return product;
  }

  #multiply(a: readonly Factor[], b: readonly Factor[]): Monomial | undefined {
    const merged: Factor[] = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
      const [p, q] = [a[i], b[j]];
      if (q === undefined || (p !== undefined && p.atom < q.atom)) {
        if (p !== undefined) merged.push(p);
        i++;
      } else if (p === undefined || q.atom < p.atom) {
        merged.push(q);
        j++;
      } else {
        const sum = plus(p.exponent, q.exponent);
        const exponent = this.isBracket(p.atom) && signOf(sum) > 0 ? 1 : sum;
        if (exponent !== 0) merged.push({ atom: p.atom, exponent });
        i++;
        j++;
      }
    }
    const vanishes = merged.some(({ atom }) => {
      const other = this.#exclusive.get(atom);
      return other !== undefined && merged.some((factor) => factor.atom === other);
    });
    return vanishes ? undefined : this.#intern(merged);
  }

  /** Of each atom the least exponent in any of them (where one lacks it, 0), unless that is 0. */
  sharedFactors(monomials: readonly Monomial[]): readonly Factor[] {
    const atoms = new Set<Atom>();
    for (const monomial of monomials) {
      for (const { atom, exponent } of this.factorsOf(monomial)) if (signOf(exponent) < 0) atoms.add(atom);
    }
    const [first, ...others] = monomials.map((monomial) => this.factorsOf(monomial));
    for (const { atom } of first ?? []) {
      if (others.every((factors) => factors.some((factor) => factor.atom === atom))) atoms.add(atom);
    }
    const least = (atom: Atom): Rational =>
      monomials.reduce((fewest: Rational, monomial) => {
        const exponent = this.factorsOf(monomial).find((factor) => factor.atom === atom)?.exponent ?? 0;
        return signOf(plus(exponent, negated(fewest))) < 0 ? exponent : fewest;
      }, Number.MAX_SAFE_INTEGER);
    return [...atoms].map((atom) => ({ atom, exponent: least(atom) }));
  }

  /** Factors ascend by atom; no exponent is 0. */
  #intern(factors: readonly Factor[]): Monomial {
    const key = factors.map(({ atom, exponent }) => `${atom}^${textOf(exponent)}`).join(" ");
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const made = this.#factors.push(factors) - 1;
    this.#ids.set(key, made);
    return made;
  }
}

/** What a table knows the atom by. */
function tagOf(key: Exclude<AtomKey, { readonly kind: "max" }>): readonly [number, number] {
  switch (key.kind) {
    case "variable":
    case "undefined":
      return [TAGS[key.kind], key.ordinal];
    case "exp":
      return [TAGS.exp, key.monomial];
    case "call":
      return [TAGS[key.fn], key.form];
    case "positive":
    case "positive-integer":
    case "zero":
    case "sum":
      return [TAGS[key.kind], key.form];
    default:
      key satisfies never;
      throw new InternalError("unknown atom");
  }
}
