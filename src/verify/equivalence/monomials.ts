/**
 * Monomials: products of powers of atoms, each product once and named by a number.
 *
 * An atom is what no rule takes apart: a variable, a function of a normal form, a bracket ([form > 0], [form = 0]), or a
 * sum that is a factor. Exponents are integers, but for those of `exp`, which are rational: exp(t/2) is exp(t)^(1/2).
 * Brackets are 0 or 1, so that their powers are themselves, and [d > 0]·[d = 0] is 0.
 */

import { InternalError } from "../../support/result.ts";
import { negated, plus, type Rational, signOf, textOf } from "./rational.ts";

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

export class Monomials {
  readonly #atoms: AtomKey[] = [];
  readonly #atomIds = new Map<string, Atom>();
  readonly #factors: (readonly Factor[])[] = [[]];
  readonly #ids = new Map<string, Monomial>([["", UNIT]]);
  readonly #products = new Map<string, Monomial | undefined>();
  /** [d > 0] ↔ [d = 0] */
  readonly #exclusive = new Map<Atom, Atom>();

  atom(key: AtomKey): Atom {
    const text = keyText(key);
    const known = this.#atomIds.get(text);
    if (known !== undefined) return known;
    const made = this.#atoms.push(key) - 1;
    this.#atomIds.set(text, made);
    if (key.kind === "positive" || key.kind === "zero") {
      const other = this.#atomIds.get(keyText({ kind: key.kind === "zero" ? "positive" : "zero", form: key.form }));
      if (other !== undefined) {
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
    return this.#intern([{ atom, exponent: this.isBracket(atom) && signOf(exponent) > 0 ? 1 : exponent }]);
  }

  /** The product; `undefined` where it is 0. */
  product(a: Monomial, b: Monomial): Monomial | undefined {
    if (a === UNIT) return b;
    if (b === UNIT) return a;
    const key = a < b ? `${a} ${b}` : `${b} ${a}`;
    if (this.#products.has(key)) return this.#products.get(key);
    const product = this.#multiply(this.factorsOf(a), this.factorsOf(b));
    this.#products.set(key, product);
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

function keyText(key: AtomKey): string {
  switch (key.kind) {
    case "variable":
    case "undefined":
      return `${key.kind} ${key.ordinal}`;
    case "exp":
      return `exp ${key.monomial}`;
    case "call":
      return `${key.fn} ${key.form}`;
    case "max":
      return `max ${key.forms.join(" ")}`;
    case "positive":
    case "positive-integer":
    case "zero":
    case "sum":
      return `${key.kind} ${key.form}`;
    default:
      key satisfies never;
      throw new InternalError("unknown atom");
  }
}
