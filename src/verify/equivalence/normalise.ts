/**
 * From expressions to normal forms. Two expressions with one form are equal wherever both have a value; two with
 * different forms may still be equal (`expand.ts`). A choice is no + [condition]·(yes − no).
 */

import { InternalError } from "../../support/result.ts";
import type { Forms } from "./forms.ts";
import type { Form, Monomial } from "./monomials.ts";
import { plus, type Rational, times } from "./rational.ts";
import type { Real, Reals } from "./reals.ts";

interface Addend {
  readonly operand: Real;
  readonly factor: Rational;
}

/** The form of each expression, in one set of tables. */
export function normaliser(reals: Reals, forms: Forms): (real: Real) => Form {
  const formOf: (Form | undefined)[] = [];
  /** Which sum an expression has been flattened into. */
  const flattened: (Real | undefined)[] = [];

  /** The form of an expression. */
  const of = (real: Real): Form => {
    const known = formOf[real];
    if (known !== undefined) return known;
    const form = normalise(real);
    formOf[real] = form;
    return form;
  };

  const normalise = (real: Real): Form => {
    const node = reals.node(real);
    switch (node.kind) {
      case "constant":
        return forms.constant(node.value);
      case "variable":
        return forms.atom({ kind: "variable", name: node.name, ordinal: node.ordinal });
      case "undefined":
        return forms.atom({ kind: "undefined", why: node.why, ordinal: real });
      case "add":
        return sumOf(real);
      case "multiply": {
        const [left, right] = [of(node.left), of(node.right)];
        const [p, q] = [forms.valueOf(left), forms.valueOf(right)];
        if (p !== undefined) return forms.multiple(right, p);
        return q === undefined ? forms.product(left, right) : forms.multiple(left, q);
      }
      case "inverse":
        return forms.power(of(node.value), -1);
      case "call":
        return forms.call(node.fn, of(node.value));
      case "max":
        return forms.maximum([of(node.left), of(node.right)]);
      case "positive":
        return forms.positive(of(node.value));
      case "positive-integer":
        return forms.positiveInteger(of(node.value));
      case "zero":
        return forms.isZero(of(node.value));
      case "select": {
        const no = of(node.else);
        const difference = forms.sum([of(node.then), forms.scale(no, -1)]);
        return forms.sum([no, forms.product(of(node.condition), difference)]);
      }
      default:
        node satisfies never;
        throw new InternalError("unknown expression");
    }
  };

  /** Flattens additions and constant factors: each expression in them once, with how often it counts. */
  const sumOf = (real: Real): Form => {
    const counts = new Map<Real, Rational>([[real, 1]]);
    const inner: Real[] = [];
    const open: Real[] = [real];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const operands = addends(next, real);
      if (operands.length === 0) continue;
      inner.push(next);
      for (const { operand } of operands) {
        if (!counts.has(operand)) open.push(operand);
        counts.set(operand, 0);
      }
    }
    counts.set(real, 1);
    // An expression's number is above its operands', so that all its uses are counted before it is.
    inner.sort((a, b) => b - a);
    for (const next of inner) {
      const count = counts.get(next) ?? 0;
      for (const { operand, factor } of addends(next, real)) {
        counts.set(operand, plus(counts.get(operand) ?? 0, times(count, factor)));
      }
      counts.delete(next);
    }
    const sum = new Map<Monomial, Rational>();
    for (const [operand, count] of counts) forms.accumulate(sum, of(operand), count);
    return forms.fromTerms(sum);
  };

  /** What `real` adds up within the sum `root`; nothing where it has a form already, or is worth one of its own. */
  const addends = (real: Real, root: Real): readonly Addend[] => {
    if (real !== root) {
      const flattenedIn = flattened[real] ?? root;
      if (formOf[real] !== undefined || flattenedIn !== root) return [];
      flattened[real] = root;
    }
    const node = reals.node(real);
    if (node.kind === "add") {
      return [
        { operand: node.left, factor: 1 },
        { operand: node.right, factor: 1 },
      ];
    }
    if (node.kind !== "multiply") return [];
    return node.left === reals.minusOne
      ? [{ operand: node.right, factor: -1 }]
      : node.right === reals.minusOne
        ? [{ operand: node.left, factor: -1 }]
        : [];
  };

  return of;
}
