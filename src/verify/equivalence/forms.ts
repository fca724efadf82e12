/**
 * Normal forms: sums of products, each form once and named by a number.
 *
 *   Form ::= Σ rational · monomial          terms ascend by monomial, no coefficient is 0
 *
 * - Sums are flattened. A product of sums is not multiplied out, so that (x − mean)² stays one monomial: a sum that is a
 *   factor is an atom, made unique by taking out its first coefficient and the monomial that all its terms share.
 * - A constant times a long sum is not distributed: a mean stays one term of what is centred, instead of as many as a row has.
 *   Forms that differ by that alone are equal when they are multiplied out.
 * - Sums of brackets alone are multiplied out: they are the logic of conditions, `or` being a + b − a·b.
 * - exp(a + b) = exp(a)·exp(b); log(exp(a)·u) = a + log u; √u·√u = u; |−u| = |u|; maxima are sets. Comparisons look at the difference, scaled to the
 *   first coefficient 1: [d > 0] + [d = 0] + [−d > 0] = 1, and for integers [−d > 0] = 1 − [d + 1 > 0].
 */

import { InternalError } from "../../support/result.ts";
import { add, ascending, FormTable, type FormTerm } from "./form-table.ts";
import { type Atom, type AtomKey, type Factor, type Form, type Monomial, Monomials, UNIT } from "./monomials.ts";
import { negated, plus, power, type Rational, reciprocal, signOf, times, toDouble } from "./rational.ts";
import { OverBudget, type RealFunction } from "./reals.ts";

/** Terms made, over all forms: what bounds time and memory. */
const MAX_TERMS = 12_000_000;

export class Forms {
  readonly monomials = new Monomials();
  readonly zero: Form;
  readonly one: Form;
  readonly #terms: (readonly FormTerm[])[] = [];
  readonly #table = new FormTable(this.#terms);
  readonly #factored: (FormTerm | undefined)[] = [];
  #made = 0;
  #undefinedForms = 0;
  readonly #longSum: number;

  /** A sum of more than `longSum` terms is one term where it is multiplied by a constant. */
  constructor(longSum: number) {
    this.#longSum = longSum;
    this.zero = this.constant(0);
    this.one = this.constant(1);
  }

  termsOf(form: Form): readonly FormTerm[] {
    const terms = this.#terms[form];
    if (terms === undefined) throw new InternalError(`there is no form ${form}`);
    return terms;
  }

  /** The value of a form without variables. */
  valueOf(form: Form): Rational | undefined {
    const terms = this.termsOf(form);
    const [first] = terms;
    if (first === undefined) return 0;
    return terms.length === 1 && first.monomial === UNIT ? first.coefficient : undefined;
  }

  constant(value: Rational): Form {
    return this.#intern(value === 0 ? [] : [{ monomial: UNIT, coefficient: value }]);
  }

  /** How much has been made so far. */
  get size(): number {
    return this.#made;
  }

  /** Adds a multiple of the form to a sum that is being made. */
  accumulate(sum: Map<Monomial, Rational>, form: Form, factor: Rational): void {
    if (factor === 0) return;
    for (const { monomial, coefficient } of this.termsOf(form)) {
      add(sum, monomial, factor === 1 ? coefficient : times(coefficient, factor));
    }
  }

  sum(forms: readonly Form[]): Form {
    const total = new Map<Monomial, Rational>();
    for (const form of forms) this.accumulate(total, form, 1);
    return this.fromTerms(total);
  }

  scale(form: Form, factor: Rational): Form {
    if (factor === 1) return form;
    if (factor === 0) return this.zero;
    return this.#intern(
      this.termsOf(form).map(({ monomial, coefficient }) => ({ monomial, coefficient: times(coefficient, factor) })),
    );
  }

  /** A constant times the form: of a long sum, which would be as long at each of its uses, one term. */
  multiple(form: Form, factor: Rational): Form {
    const terms = this.termsOf(form);
    if (factor === 0 || factor === 1 || factor === -1 || terms.length <= this.#longSum || this.#isBrackets(terms)) {
      return this.scale(form, factor);
    }
    const { monomial, coefficient } = this.#factor(form);
    return this.#intern([{ monomial, coefficient: times(coefficient, factor) }]);
  }

  product(a: Form, b: Form): Form {
    const [p, q] = [this.valueOf(a), this.valueOf(b)];
    if (p !== undefined) return this.scale(b, p);
    if (q !== undefined) return this.scale(a, q);
    return this.multiplyTerms(this.#asFactor(a), this.#asFactor(b));
  }

  /** Multiplies out two lists of terms. */
  multiplyTerms(left: readonly FormTerm[], right: readonly FormTerm[]): Form {
    const sum = new Map<Monomial, Rational>();
    for (const a of left) {
      for (const b of right) {
        const product = this.#multiplyTerm(a, b);
        if (product !== undefined) add(sum, product.monomial, product.coefficient);
      }
    }
    this.#spend(left.length * right.length);
    return this.fromTerms(sum);
  }

  /** The product of two terms; `undefined` where it is 0. */
  #multiplyTerm(a: FormTerm, b: FormTerm): FormTerm | undefined {
    const monomial = this.monomials.product(a.monomial, b.monomial);
    if (monomial === undefined) return undefined;
    return this.#withoutSquaredRoots({ monomial, coefficient: times(a.coefficient, b.coefficient) });
  }

  /** √u^(2n) is u^n, for which u has to be at least 0 as it had to be for the root. */
  #withoutSquaredRoots(term: FormTerm): FormTerm | undefined {
    const factors = this.monomials.factorsOf(term.monomial);
    const root = factors.find(({ atom, exponent }) => this.#isRoot(atom) && Math.abs(toDouble(exponent)) >= 2);
    if (root === undefined) return term;
    const key = this.monomials.keyOf(root.atom);
    if (key.kind !== "call") throw new InternalError("a root that is no call");
    const halves = Math.trunc(toDouble(root.exponent) / 2);
    const others = factors.filter(({ atom }) => atom !== root.atom);
    const left = plus(root.exponent, -2 * halves);
    const radicand = this.#powerTerm(this.#factor(key.form), halves);
    const rest = this.productOf(left === 0 ? others : [...others, { atom: root.atom, exponent: left }]);
    return rest === undefined ? undefined : this.#multiplyTerm({ ...rest, coefficient: term.coefficient }, radicand);
  }

  #isRoot(atom: Atom): boolean {
    const key = this.monomials.keyOf(atom);
    return key.kind === "call" && key.fn === "sqrt";
  }

  /** The product of powers, in any order. */
  productOf(factors: readonly Factor[]): FormTerm | undefined {
    let monomial: Monomial = UNIT;
    for (const { atom, exponent } of factors) {
      const next = this.monomials.product(monomial, this.monomials.power(atom, exponent));
      if (next === undefined) return undefined;
      monomial = next;
    }
    return { monomial, coefficient: 1 };
  }

  /** A form as what a product multiplies: one term, or the terms of a sum of brackets. */
  #asFactor(form: Form): readonly FormTerm[] {
    const terms = this.termsOf(form);
    return terms.length === 1 || this.#isBrackets(terms) ? terms : [this.#factor(form)];
  }

  #isBrackets(terms: readonly FormTerm[]): boolean {
    return terms.every(({ monomial }) =>
      this.monomials.factorsOf(monomial).every(({ atom }) => this.monomials.isBracket(atom)),
    );
  }

  /** A form ≠ 0 as one term; a sum of several becomes an atom. */
  #factor(form: Form): FormTerm {
    const terms = this.termsOf(form);
    const [first] = terms;
    if (first === undefined) throw new InternalError("0 as a factor");
    if (terms.length === 1) return first;
    const known = this.#factored[form];
    if (known !== undefined) return known;
    const made = this.#primitive(terms);
    this.#factored[form] = made;
    return made;
  }

  /** Takes out what all terms share, and then the first coefficient. */
  #primitive(terms: readonly FormTerm[]): FormTerm {
    const shared = this.monomials.sharedFactors(terms.map(({ monomial }) => monomial));
    const rest = shared.length === 0 ? terms : this.#divided(terms, shared);
    const coefficient = rest[0]?.coefficient ?? 1;
    const monic = this.scale(this.#intern(rest), reciprocal(coefficient));
    const term = this.productOf([...shared, { atom: this.monomials.atom({ kind: "sum", form: monic }), exponent: 1 }]);
    if (term === undefined) throw new InternalError("a factor is 0");
    return { monomial: term.monomial, coefficient };
  }

  #divided(terms: readonly FormTerm[], shared: readonly Factor[]): readonly FormTerm[] {
    const inverse = this.productOf(shared.map(({ atom, exponent }) => ({ atom, exponent: negated(exponent) })));
    const divided = terms.map(({ monomial, coefficient }): FormTerm => {
      const quotient = inverse && this.monomials.product(monomial, inverse.monomial);
      if (quotient === undefined) throw new InternalError("a quotient is 0");
      return { monomial: quotient, coefficient };
    });
    return divided.sort((a, b) => a.monomial - b.monomial);
  }

  /** An integer power. 0 to a negative power has no value, nor has what a comparison alone makes 0. */
  power(form: Form, exponent: number): Form {
    const value = this.valueOf(form);
    if (exponent < 0 && value === 0) return this.#undefinedForm("a division by 0");
    if (value !== undefined) return this.constant(power(value, exponent));
    const term = this.#withoutSquaredRoots(this.#powerTerm(this.#factor(form), exponent));
    return term === undefined ? this.zero : this.#intern([term]);
  }

  /** A value of its own: it does not cancel against another's. */
  #undefinedForm(why: string): Form {
    this.#undefinedForms++;
    return this.atom({ kind: "undefined", why, ordinal: -this.#undefinedForms });
  }

  /** Whether some outcome of the brackets may make the form 0, whatever its other atoms are. */
  vanishesByBrackets(form: Form): boolean {
    const ranges = new Map<Monomial, { least: number; most: number }>();
    for (const { monomial, coefficient } of this.termsOf(form)) {
      const factors = this.monomials.factorsOf(monomial);
      const others = this.productOf(factors.filter(({ atom }) => !this.monomials.isBracket(atom)));
      if (others === undefined) throw new InternalError("a part of a monomial is 0");
      const range = ranges.get(others.monomial) ?? { least: 0, most: 0 };
      ranges.set(others.monomial, range);
      const value = toDouble(coefficient);
      const always = others.monomial === monomial;
      if (always || value < 0) range.least += value;
      if (always || value > 0) range.most += value;
    }
    return [...ranges.values()].every(({ least, most }) => least <= 0 && most >= 0);
  }

  /**
   * A negative power of a bracket, or of a sum of brackets, has no value: it would cancel against the bracket of a choice
   * that keeps the division from being made.
   */
  #powerTerm({ monomial, coefficient }: FormTerm, exponent: number): FormTerm {
    const factors = this.monomials.factorsOf(monomial);
    if (exponent < 0 && factors.some(({ atom }) => this.#isOfBrackets(atom))) {
      const [term] = this.termsOf(this.#undefinedForm("a division by what a comparison may make 0"));
      if (term !== undefined) return term;
    }
    const raised = this.productOf(
      factors.map((factor) => ({ atom: factor.atom, exponent: times(factor.exponent, exponent) })),
    );
    if (raised === undefined) throw new InternalError("a power is 0");
    return { monomial: raised.monomial, coefficient: power(coefficient, exponent) };
  }

  #isOfBrackets(atom: Atom): boolean {
    const key = this.monomials.keyOf(atom);
    if (key.kind !== "sum") return this.monomials.isBracket(atom);
    return this.#isBrackets(this.termsOf(key.form));
  }

  call(fn: RealFunction, form: Form): Form {
    const value = this.valueOf(form);
    switch (fn) {
      case "exp": {
        const factors = this.termsOf(form).map(({ monomial, coefficient }): Factor => {
          return { atom: this.monomials.atom({ kind: "exp", monomial }), exponent: coefficient };
        });
        const product = this.productOf(factors);
        if (product === undefined) throw new InternalError("an exponential is 0");
        return this.#intern([product]);
      }
      case "abs": {
        if (value !== undefined) return this.constant(signOf(value) < 0 ? negated(value) : value);
        const leading = this.#leading(form);
        return this.atom({ kind: "call", fn, form: signOf(leading) < 0 ? this.scale(form, -1) : form });
      }
      case "erf":
      case "tanh":
      case "sqrt":
        return value === 0 ? this.zero : this.atom({ kind: "call", fn, form });
      case "log":
        if (value === undefined) return this.#logarithm(form);
        return value === 1 ? this.zero : this.atom({ kind: "call", fn, form });
      default:
        fn satisfies never;
        throw new InternalError("unknown function");
    }
  }

  /** log(exp(a)·u) = a + log u: an exponential is above 0, so that u has a logarithm where the product has one. */
  #logarithm(form: Form): Form {
    const { monomial, coefficient } = this.#factor(form);
    const exponents = new Map<Monomial, Rational>();
    const others: Factor[] = [];
    for (const factor of this.monomials.factorsOf(monomial)) {
      const key = this.monomials.keyOf(factor.atom);
      if (key.kind === "exp") add(exponents, key.monomial, factor.exponent);
      else others.push(factor);
    }
    const rest = this.productOf(others);
    if (rest === undefined) throw new InternalError("a part of a monomial is 0");
    const left = this.#intern([{ monomial: rest.monomial, coefficient }]);
    const logarithm = this.valueOf(left) === 1 ? this.zero : this.atom({ kind: "call", fn: "log", form: left });
    return this.sum([this.fromTerms(exponents), logarithm]);
  }

  maximum(forms: readonly Form[]): Form {
    const all = new Set<Form>();
    let greatest: Rational | undefined;
    for (const form of forms.flatMap((operand) => this.#maximands(operand))) {
      const value = this.valueOf(form);
      if (value === undefined) all.add(form);
      else if (greatest === undefined || signOf(plus(value, negated(greatest))) > 0) greatest = value;
    }
    if (greatest !== undefined) all.add(this.constant(greatest));
    const sorted = [...all].sort((a, b) => a - b);
    const [only] = sorted;
    return sorted.length === 1 && only !== undefined ? only : this.atom({ kind: "max", forms: sorted });
  }

  #maximands(form: Form): readonly Form[] {
    const key = this.soleAtom(form);
    return key?.kind === "max" ? key.forms : [form];
  }

  /** The atom that the form consists of. */
  soleAtom(form: Form): AtomKey | undefined {
    const terms = this.termsOf(form);
    const [term] = terms;
    if (terms.length !== 1 || term === undefined || term.coefficient !== 1) return undefined;
    const factors = this.monomials.factorsOf(term.monomial);
    const [factor] = factors;
    return factors.length === 1 && factor?.exponent === 1 ? this.monomials.keyOf(factor.atom) : undefined;
  }

  positive(form: Form): Form {
    const value = this.valueOf(form);
    if (value !== undefined) return signOf(value) > 0 ? this.one : this.zero;
    const leading = this.#leading(form);
    const scaled = this.scale(form, reciprocal(leading));
    const positive = this.atom({ kind: "positive", form: scaled });
    if (signOf(leading) > 0) return positive;
    const zero = this.atom({ kind: "zero", form: scaled });
    return this.sum([this.one, this.scale(positive, -1), this.scale(zero, -1)]);
  }

  isZero(form: Form): Form {
    const value = this.valueOf(form);
    if (value !== undefined) return value === 0 ? this.one : this.zero;
    return this.atom({ kind: "zero", form: this.scale(form, reciprocal(this.#leading(form))) });
  }

  positiveInteger(form: Form): Form {
    const [least, most] = this.#bracketRange(form);
    if (least !== undefined && least > 0) return this.one;
    if (most !== undefined && most <= 0) return this.zero;
    if (signOf(this.#leading(form)) > 0) return this.atom({ kind: "positive-integer", form });
    const opposite = this.sum([this.scale(form, -1), this.one]);
    return this.sum([this.one, this.scale(this.atom({ kind: "positive-integer", form: opposite }), -1)]);
  }

  /** The least and greatest value of a sum of brackets, each taken by itself. */
  #bracketRange(form: Form): readonly [number | undefined, number | undefined] {
    const terms = this.termsOf(form);
    if (!this.#isBrackets(terms)) return [undefined, undefined];
    let [least, most] = [0, 0];
    for (const { monomial, coefficient } of terms) {
      const value = toDouble(coefficient);
      if (monomial === UNIT || value < 0) least += value;
      if (monomial === UNIT || value > 0) most += value;
    }
    return [least, most];
  }

  /** The first coefficient that is not of the constant. */
  #leading(form: Form): Rational {
    const term = this.termsOf(form).find(({ monomial }) => monomial !== UNIT);
    return term?.coefficient ?? 1;
  }

  atom(key: AtomKey): Form {
    return this.#intern([{ monomial: this.monomials.power(this.monomials.atom(key), 1), coefficient: 1 }]);
  }

  fromTerms(sum: ReadonlyMap<Monomial, Rational>): Form {
    const terms: FormTerm[] = [];
    for (const [monomial, coefficient] of sum) if (coefficient !== 0) terms.push({ monomial, coefficient });
    return this.#intern(ascending(terms));
  }

  /** Terms ascend by monomial; no coefficient is 0. */
  #intern(terms: readonly FormTerm[]): Form {
    this.#spend(terms.length);
    const found = this.#table.find(terms);
    if (found.form !== undefined) return found.form;
    const made = this.#terms.push(terms) - 1;
    this.#table.add(found, made);
    return made;
  }

  #spend(terms: number): void {
    this.#made += terms;
    if (this.#made > MAX_TERMS) throw new OverBudget(`more than ${MAX_TERMS} terms in normal forms`);
  }
}
