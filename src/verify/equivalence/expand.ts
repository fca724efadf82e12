/**
 * Equality of normal forms: two forms → whether they are the same function of their atoms wherever both have a value.
 *
 * Forms with one number are. Of others the difference is multiplied out and brought to a common denominator, with the
 * arguments of functions expanded first: 0 says that they are equal. Anything else says that no rule makes them equal.
 */

import { InternalError } from "../../support/result.ts";
import type { FormTerm } from "./form-table.ts";
import type { Forms } from "./forms.ts";
import type { Atom, Factor, Form } from "./monomials.ts";
import { normaliser } from "./normalise.ts";
import { plus, signOf, toDouble } from "./rational.ts";
import type { Real, Reals } from "./reals.ts";

export interface Equality {
  readonly formOf: (real: Real) => Form;
  readonly equal: (a: Form, b: Form) => boolean;
  /** Why the form may have no value: it divides by 0, or rests on what was never written. */
  readonly undefinedIn: (form: Form) => string | undefined;
}

/** Sums are raised to powers up to this. */
const MAX_POWER = 64;

export function equality(reals: Reals, forms: Forms): Equality {
  const { monomials } = forms;
  const expanded = new Map<Form, Form>();
  const undefinedAtoms = new Map<Form, string | undefined>();

  const expand = (form: Form): Form => {
    const known = expanded.get(form);
    if (known !== undefined) return known;
    const made = forms.sum(forms.termsOf(form).map(expandTerm));
    expanded.set(form, made);
    expanded.set(made, made);
    return made;
  };

  const expandTerm = ({ monomial, coefficient }: FormTerm): Form => {
    let product = forms.constant(coefficient);
    for (const factor of monomials.factorsOf(monomial)) product = multiply(product, expandFactor(factor));
    return product;
  };

  /** The product, multiplied out. */
  const multiply = (a: Form, b: Form): Form => forms.multiplyTerms(forms.termsOf(a), forms.termsOf(b));

  const powerOf = (form: Form, exponent: number): Form => {
    let product = forms.one;
    for (let times = 0; times < exponent; times++) product = multiply(product, form);
    return product;
  };

  const expandFactor = ({ atom, exponent }: Factor): Form => {
    const key = monomials.keyOf(atom);
    switch (key.kind) {
      case "variable":
      case "undefined":
        return atomPower({ atom, exponent });
      case "sum": {
        const inner = expand(key.form);
        const times = toDouble(exponent);
        if (times > 0 && times <= MAX_POWER) return powerOf(inner, times);
        return forms.power(inner, times);
      }
      case "exp": {
        const argument = forms.scale(expand(formOf(key.monomial)), exponent);
        return forms.call("exp", argument);
      }
      case "call":
        return forms.power(forms.call(key.fn, expand(key.form)), toDouble(exponent));
      case "max":
        return forms.power(forms.maximum(key.forms.map(expand)), toDouble(exponent));
      case "positive":
        return forms.power(forms.positive(expand(key.form)), toDouble(exponent));
      case "positive-integer":
        return forms.power(forms.positiveInteger(expand(key.form)), toDouble(exponent));
      case "zero":
        return forms.power(forms.isZero(expand(key.form)), toDouble(exponent));
      default:
        key satisfies never;
        throw new InternalError("unknown atom");
    }
  };

  const formOf = (monomial: number): Form => forms.fromTerms(new Map([[monomial, 1]]));
  const atomPower = ({ atom, exponent }: Factor): Form => formOf(monomials.power(atom, exponent));

  const clears = (atom: Atom): boolean => {
    const key = monomials.keyOf(atom);
    return key.kind === "sum" || (key.kind === "call" && key.fn === "sqrt");
  };

  /** Whether a comparison decides if the form divides: then what it divides by may be 0 where the form has a value. */
  const dividesUnderBrackets = (form: Form): boolean =>
    forms.termsOf(form).some(({ monomial }) => {
      const factors = monomials.factorsOf(monomial);
      const divides = factors.some(({ atom, exponent }) => signOf(exponent) < 0 && clears(atom));
      return divides && factors.some(({ atom }) => monomials.isBracket(atom));
    });

  /**
   * Whether the denominator is other than 0 as a polynomial of its atoms, with each outcome of its brackets. Roots are
   * not independent of what they are roots of.
   */
  const isNeverZeroThroughout = (atom: Atom): boolean => {
    const key = monomials.keyOf(atom);
    if (key.kind !== "sum") return false;
    const isRoot = ({ atom: inner }: Factor): boolean => {
      const own = monomials.keyOf(inner);
      return own.kind === "call" && own.fn === "sqrt";
    };
    const hasRoot = forms.termsOf(key.form).some(({ monomial }) => monomials.factorsOf(monomial).some(isRoot));
    return !hasRoot && !forms.vanishesByBrackets(key.form);
  };

  /** A sum or root that divides some term, and the highest power in which it does. */
  const denominatorOf = (form: Form): { readonly atom: Atom; readonly exponent: number } | undefined => {
    let found: { atom: Atom; exponent: number } | undefined;
    for (const { monomial } of forms.termsOf(form)) {
      for (const { atom, exponent } of monomials.factorsOf(monomial)) {
        if (signOf(exponent) > 0 || !clears(atom)) continue;
        if (found === undefined) found = { atom, exponent: -toDouble(exponent) };
        else if (found.atom === atom) found.exponent = Math.max(found.exponent, -toDouble(exponent));
      }
    }
    return found;
  };

  /**
   * Multiplies by the denominators, one after the other: where they are not 0, that does not change whether the form is.
   * Where one is 0 the form has no value, unless a choice keeps the division from being made. Under a choice a denominator
   * has to differ from 0 for almost all inputs with each outcome of the comparisons; then the others follow by continuity.
   */
  const isZero = (difference: Form): boolean => {
    let form = difference;
    for (let next = denominatorOf(form); next !== undefined; next = denominatorOf(form)) {
      const { atom, exponent } = next;
      if (dividesUnderBrackets(form) && !isNeverZeroThroughout(atom)) return false;
      const cleared = forms.termsOf(form).map(({ monomial, coefficient }) => {
        const factors = monomials.factorsOf(monomial);
        const own = factors.find((factor) => factor.atom === atom)?.exponent ?? 0;
        const others = factors.filter((factor) => factor.atom !== atom);
        const rest = forms.productOf(others);
        if (rest === undefined) return forms.zero;
        const left = plus(own, exponent);
        const raised = left === 0 ? forms.one : expandFactor({ atom, exponent: left });
        return forms.scale(multiply(formOf(rest.monomial), raised), coefficient);
      });
      // A root that has been squared is a sum again.
      form = expand(forms.sum(cleared));
    }
    return form === forms.zero;
  };

  const undefinedIn = (form: Form): string | undefined => {
    if (undefinedAtoms.has(form)) return undefinedAtoms.get(form);
    const why = firstUndefined(form);
    undefinedAtoms.set(form, why);
    return why;
  };

  const firstUndefined = (form: Form): string | undefined => {
    for (const { monomial } of forms.termsOf(form)) {
      for (const { atom } of monomials.factorsOf(monomial)) {
        const why = undefinedAtom(atom);
        if (why !== undefined) return why;
      }
    }
    return undefined;
  };

  const undefinedAtom = (atom: Atom): string | undefined => {
    const key = monomials.keyOf(atom);
    switch (key.kind) {
      case "variable":
        return undefined;
      case "undefined":
        return key.why;
      case "exp":
        return undefinedIn(formOf(key.monomial));
      case "max":
        return key.forms.map(undefinedIn).find((reason) => reason !== undefined);
      case "call":
      case "positive":
      case "positive-integer":
      case "zero":
      case "sum":
        return undefinedIn(key.form);
      default:
        key satisfies never;
        throw new InternalError("unknown atom");
    }
  };

  return {
    formOf: normaliser(reals, forms),
    equal: (a, b) => a === b || isZero(forms.sum([expand(a), forms.scale(expand(b), -1)])),
    undefinedIn,
  };
}
