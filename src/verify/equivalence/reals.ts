/**
 * Reals: what a kernel computes, as expressions over its inputs. Each expression exists once, and is named by a number.
 *
 *   Real ::= rational | variable | Real + Real | Real · Real | 1/Real | fn(Real) | max(Real, Real)
 *          | [Real > 0] | [integer > 0] | [Real = 0] | Real ? Real : Real
 *
 * A bracket is 1 where its condition holds and 0 elsewhere; a condition is any expression whose value is always one of the
 * two. An operand is made before what uses it, so that ascending numbers are an order of evaluation.
 *
 * Constructors fold what is constant and drop neutral elements; everything else is the business of normal forms.
 */

import { InternalError } from "../../support/result.ts";
import { fromDouble, negated, plus, type Rational, reciprocal, signOf, textOf, times } from "./rational.ts";
import { TripleTable } from "./triple-table.ts";

/** An expression's number in its `Reals`. */
export type Real = number;

/** Functions of which only their arguments are known, but for what `forms.ts` says of exp, sqrt and abs. */
export type RealFunction = "exp" | "log" | "erf" | "tanh" | "sqrt" | "abs";

export type RealNode =
  | { readonly kind: "constant"; readonly value: Rational }
  /** `x[0][1]`; its ordinal counts variables from 0. */
  | { readonly kind: "variable"; readonly name: string; readonly ordinal: number }
  /** Neither has a known value: what nothing was written to, and what has been divided by 0. */
  | { readonly kind: "undefined"; readonly why: string }
  | { readonly kind: "add" | "multiply" | "max"; readonly left: Real; readonly right: Real }
  | { readonly kind: "inverse" | "positive" | "positive-integer" | "zero"; readonly value: Real }
  | { readonly kind: "call"; readonly fn: RealFunction; readonly value: Real }
  | { readonly kind: "select"; readonly condition: Real; readonly then: Real; readonly else: Real };

/** There are more expressions than the machine's memory is to hold. */
export class OverBudget extends Error {}

const MAX_NODES = 3_000_000;

/** What tells expressions with the same operands apart in the table. */
const TAGS = {
  add: 0,
  multiply: 1,
  max: 2,
  inverse: 3,
  positive: 4,
  "positive-integer": 5,
  zero: 6,
  exp: 7,
  log: 8,
  erf: 9,
  tanh: 10,
  sqrt: 11,
  abs: 12,
  /** The branches of choices, as a pair. */
  branches: 13,
  select: 14,
} as const;
type Tag = keyof typeof TAGS;

export class Reals {
  readonly nodes: RealNode[] = [];
  readonly zero: Real;
  readonly one: Real;
  readonly minusOne: Real;
  /** By the value itself where it is a number, else by its text. */
  readonly #constants = new Map<number | string, Real>();
  readonly #variables = new Map<string, Real>();
  readonly #table = new TripleTable();
  #branchPairs = 0;
  readonly #values: (Rational | undefined)[] = [];

  constructor() {
    this.zero = this.constant(0);
    this.one = this.constant(1);
    this.minusOne = this.constant(-1);
  }

  node(real: Real): RealNode {
    const node = this.nodes[real];
    if (node === undefined) throw new InternalError(`there is no expression ${real}`);
    return node;
  }

  /** The value of a constant; `undefined` for everything else. */
  valueOf(real: Real): Rational | undefined {
    return this.#values[real];
  }

  constant(value: Rational): Real {
    const key = typeof value === "number" ? value : textOf(value);
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = this.#make({ kind: "constant", value });
    this.#values[made] = value;
    this.#constants.set(key, made);
    return made;
  }

  /** The exact value of a finite double. */
  double(value: number): Real {
    return Number.isFinite(value) ? this.constant(fromDouble(value)) : this.unknown(`the constant ${value}`);
  }

  /** The variable of this name. */
  variable(name: string): Real {
    const known = this.#variables.get(name);
    if (known !== undefined) return known;
    const made = this.#make({ kind: "variable", name, ordinal: this.#variables.size });
    this.#variables.set(name, made);
    return made;
  }

  /** A value of its own that nothing is known of; what is computed from it is unknown too, also 0 times it. */
  unknown(why: string): Real {
    return this.#make({ kind: "undefined", why });
  }

  add(a: Real, b: Real): Real {
    if (this.#isUnknown(a)) return a;
    if (this.#isUnknown(b)) return b;
    const [p, q] = [this.#values[a], this.#values[b]];
    if (p === 0) return b;
    if (q === 0) return a;
    if (p !== undefined && q !== undefined) return this.constant(plus(p, q));
    return this.#binary("add", a, b);
  }

  subtract(a: Real, b: Real): Real {
    return a === b && !this.#isUnknown(a) ? this.zero : this.add(a, this.negate(b));
  }

  multiply(a: Real, b: Real): Real {
    if (this.#isUnknown(a)) return a;
    if (this.#isUnknown(b)) return b;
    const [p, q] = [this.#values[a], this.#values[b]];
    if (p === 0 || q === 0) return this.zero;
    if (p === 1) return b;
    if (q === 1) return a;
    if (p !== undefined && q !== undefined) return this.constant(times(p, q));
    return this.#binary("multiply", a, b);
  }

  negate(a: Real): Real {
    const value = this.#values[a];
    return value === undefined ? this.multiply(this.minusOne, a) : this.constant(negated(value));
  }

  divide(a: Real, b: Real): Real {
    return this.multiply(a, this.inverse(b));
  }

  inverse(a: Real): Real {
    const value = this.#values[a];
    if (value === 0) return this.unknown("a division by 0");
    if (this.#isUnknown(a)) return a;
    return value === undefined ? this.#unary("inverse", a) : this.constant(reciprocal(value));
  }

  max(a: Real, b: Real): Real {
    if (a === b) return a;
    if (this.#isUnknown(a)) return a;
    if (this.#isUnknown(b)) return b;
    const [p, q] = [this.#values[a], this.#values[b]];
    if (p !== undefined && q !== undefined) return signOf(plus(p, negated(q))) > 0 ? a : b;
    return this.#binary("max", a, b);
  }

  min(a: Real, b: Real): Real {
    return this.negate(this.max(this.negate(a), this.negate(b)));
  }

  call(fn: RealFunction, a: Real): Real {
    if (this.#isUnknown(a)) return a;
    const value = this.#values[a];
    if (value === 0 && fn !== "log") return fn === "exp" ? this.one : this.zero;
    if (value !== undefined && fn === "abs") return signOf(value) < 0 ? this.negate(a) : a;
    return this.#intern(fn, a, 0, () => ({ kind: "call", fn, value: a }));
  }

  /** [a > 0] */
  positive(a: Real): Real {
    return this.#truth("positive", a, (value) => signOf(value) > 0);
  }

  /** [a > 0] of an `a` that is an integer for all inputs */
  positiveInteger(a: Real): Real {
    return this.#truth("positive-integer", a, (value) => signOf(value) > 0);
  }

  /** [a ≤ b] of integers */
  atMost(a: Real, b: Real): Real {
    return this.not(this.positiveInteger(this.subtract(a, b)));
  }

  /** [a = b] of integers */
  equalIntegers(a: Real, b: Real): Real {
    return this.and(this.atMost(a, b), this.atMost(b, a));
  }

  /** [a = 0] */
  isZero(a: Real): Real {
    return this.#truth("zero", a, (value) => value === 0);
  }

  not(condition: Real): Real {
    return this.subtract(this.one, condition);
  }

  and(a: Real, b: Real): Real {
    return a === b ? a : this.multiply(a, b);
  }

  or(a: Real, b: Real): Real {
    return this.not(this.and(this.not(a), this.not(b)));
  }

  select(condition: Real, yes: Real, no: Real): Real {
    const value = this.#values[condition];
    if (value !== undefined) return value === 0 ? no : yes;
    if (yes === no) return yes;
    if (yes === this.one && no === this.zero) return condition;
    // What both branches of an `if` write keeps nothing of what was there before.
    const other = this.node(no);
    if (other.kind === "select" && this.not(other.condition) === condition) {
      return this.select(other.condition, other.then, yes);
    }
    // A sum that goes on under a condition stays a sum.
    const node = this.node(yes);
    if (node.kind === "add" && (node.left === no || node.right === no) && no !== this.zero) {
      return this.add(no, this.select(condition, node.left === no ? node.right : node.left, this.zero));
    }
    const make = (): RealNode => ({ kind: "select", condition, then: yes, else: no });
    return this.#intern("select", condition, this.#branches(yes, no), make);
  }

  #isUnknown(real: Real): boolean {
    return this.nodes[real]?.kind === "undefined";
  }

  #truth(kind: "positive" | "positive-integer" | "zero", a: Real, holds: (value: Rational) => boolean): Real {
    const value = this.#values[a];
    if (value !== undefined) return holds(value) ? this.one : this.zero;
    return this.#unary(kind, a);
  }

  #unary(kind: "inverse" | "positive" | "positive-integer" | "zero", value: Real): Real {
    return this.#intern(kind, value, 0, () => ({ kind, value }));
  }

  /** Operands keep the order in which they came first; in the other order it is the same expression. */
  #binary(kind: "add" | "multiply" | "max", left: Real, right: Real): Real {
    return this.#intern(kind, Math.min(left, right), Math.max(left, right), () => ({ kind, left, right }));
  }

  #intern(tag: Tag, a: number, b: number, make: () => RealNode): Real {
    const known = this.#table.get(TAGS[tag], a, b);
    if (known >= 0) return known;
    const made = this.#make(make());
    this.#table.add(TAGS[tag], a, b, made);
    return made;
  }

  /** A number for a pair of branches. */
  #branches(yes: Real, no: Real): number {
    const known = this.#table.get(TAGS.branches, yes, no);
    if (known >= 0) return known;
    this.#table.add(TAGS.branches, yes, no, this.#branchPairs);
    return this.#branchPairs++;
  }

  #make(node: RealNode): Real {
    if (this.nodes.length >= MAX_NODES) throw new OverBudget(`more than ${MAX_NODES} expressions`);
    this.#values.push(undefined);
    return this.nodes.push(node) - 1;
  }
}
