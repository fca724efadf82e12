/**
 * Real expressions for tests, as text: `if(gt(a, b), a, b) + 2*exp(-a)`. Names that are no functions are variables.
 *
 *   sum ::= product (("+" | "-") product)*      product ::= factor (("*" | "/") factor)*
 *   factor ::= "-" factor | number | name | name "(" sum, … ")" | "(" sum ")"
 *
 * `evaluateTree` is a second reading of them, apart from `Reals` and from `evaluate.ts`: a choice evaluates one branch.
 */

import { erf } from "../../src/support/erf.ts";
import type { Real, Reals } from "../../src/verify/equivalence/reals.ts";
import type { Tables } from "../../src/verify/equivalence/tables.ts";

export type Tree =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "call"; readonly fn: Fn; readonly args: readonly Tree[] };

interface Meaning {
  readonly build: (reals: Reals, args: readonly Real[]) => Real;
  /** Of functions of numbers alone; a choice and what reports trouble are apart. */
  readonly value: (...args: readonly number[]) => number;
}

const unary = (fn: "exp" | "log" | "erf" | "tanh" | "sqrt" | "abs", value: (x: number) => number): Meaning => ({
  build: (reals, [a = 0]) => reals.call(fn, a),
  value: (a = 0) => value(a),
});
const binary = (build: (reals: Reals, a: Real, b: Real) => Real, value: (a: number, b: number) => number): Meaning => ({
  build: (reals, [a = 0, b = 0]) => build(reals, a, b),
  value: (a = 0, b = 0) => value(a, b),
});
const truth = (holds: boolean): number => (holds ? 1 : 0);

/** Comparisons are built as the symbolic machine builds them; `i…` are those of integers. */
const FUNCTIONS = {
  add: binary(
    (r, a, b) => r.add(a, b),
    (a, b) => a + b,
  ),
  sub: binary(
    (r, a, b) => r.subtract(a, b),
    (a, b) => a - b,
  ),
  mul: binary(
    (r, a, b) => r.multiply(a, b),
    (a, b) => a * b,
  ),
  div: binary(
    (r, a, b) => r.divide(a, b),
    (a, b) => a / b,
  ),
  max: binary((r, a, b) => r.max(a, b), Math.max),
  min: binary((r, a, b) => r.min(a, b), Math.min),
  gt: binary(
    (r, a, b) => r.positive(r.subtract(a, b)),
    (a, b) => truth(a > b),
  ),
  lt: binary(
    (r, a, b) => r.positive(r.subtract(b, a)),
    (a, b) => truth(a < b),
  ),
  ge: binary(
    (r, a, b) => r.not(r.positive(r.subtract(b, a))),
    (a, b) => truth(a >= b),
  ),
  le: binary(
    (r, a, b) => r.not(r.positive(r.subtract(a, b))),
    (a, b) => truth(a <= b),
  ),
  eq: binary(
    (r, a, b) => r.isZero(r.subtract(a, b)),
    (a, b) => truth(a === b),
  ),
  ne: binary(
    (r, a, b) => r.not(r.isZero(r.subtract(a, b))),
    (a, b) => truth(a !== b),
  ),
  igt: binary(
    (r, a, b) => r.positiveInteger(r.subtract(a, b)),
    (a, b) => truth(a > b),
  ),
  ile: binary(
    (r, a, b) => r.not(r.positiveInteger(r.subtract(a, b))),
    (a, b) => truth(a <= b),
  ),
  and: binary(
    (r, a, b) => r.and(a, b),
    (a, b) => truth(a !== 0 && b !== 0),
  ),
  or: binary(
    (r, a, b) => r.or(a, b),
    (a, b) => truth(a !== 0 || b !== 0),
  ),
  not: { build: (r: Reals, [a = 0]: readonly Real[]) => r.not(a), value: (a = 0) => 1 - a },
  neg: { build: (r: Reals, [a = 0]: readonly Real[]) => r.negate(a), value: (a = 0) => -a },
  if: {
    build: (r: Reals, [c = 0, a = 0, b = 0]: readonly Real[]) => r.select(c, a, b),
    value: (c = 0, a = 0, b = 0) => (c !== 0 ? a : b),
  },
  /** What nothing was written to. */
  unknown: { build: (r: Reals) => r.unknown("nothing"), value: () => Number.NaN },
  exp: unary("exp", Math.exp),
  log: unary("log", Math.log),
  erf: unary("erf", erf),
  tanh: unary("tanh", Math.tanh),
  sqrt: unary("sqrt", Math.sqrt),
  abs: unary("abs", Math.abs),
} satisfies Readonly<Record<string, Meaning>>;
export type Fn = keyof typeof FUNCTIONS;

const isFn = (name: string): name is Fn => Object.hasOwn(FUNCTIONS, name);

export const call = (fn: Fn, ...args: readonly Tree[]): Tree => ({ kind: "call", fn, args });
export const number = (value: number): Tree => ({ kind: "number", value });

export function parse(text: string): Tree {
  const tokens = text.match(/[A-Za-z]\w*|[\d.]+(?:e-?\d+)?|[-+*/(),]/g) ?? [];
  let at = 0;
  const take = (...wanted: readonly string[]): string | undefined => {
    const token = tokens[at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    at++;
    return token;
  };
  const demand = (wanted: string): void => {
    if (take(wanted) === undefined) throw new Error(`${wanted} expected, not ${tokens[at]}, in ${text}`);
  };
  const chain = (operand: () => Tree, ops: Readonly<Record<string, Fn>>): Tree => {
    let left = operand();
    for (let op = take(...Object.keys(ops)); op !== undefined; op = take(...Object.keys(ops))) {
      left = call(ops[op] ?? "add", left, operand());
    }
    return left;
  };
  const sum = (): Tree => chain(product, { "+": "add", "-": "sub" });
  const product = (): Tree => chain(factor, { "*": "mul", "/": "div" });
  const factor = (): Tree => {
    if (take("-")) return call("neg", factor());
    if (take("(")) {
      const inner = sum();
      demand(")");
      return inner;
    }
    const token = tokens[at++] ?? "";
    if (/^[\d.]/.test(token)) return number(Number(token));
    if (!isFn(token)) return { kind: "name", name: token };
    const args: Tree[] = [];
    demand("(");
    while (!take(")")) {
      args.push(sum());
      take(",");
    }
    return call(token, ...args);
  };
  const tree = sum();
  if (at !== tokens.length) throw new Error(`${tokens[at]} is left of ${text}`);
  return tree;
}

export function print(tree: Tree): string {
  if (tree.kind === "number") return String(tree.value);
  return tree.kind === "name" ? tree.name : `${tree.fn}(${tree.args.map(print).join(", ")})`;
}

export function build(reals: Reals, tree: Tree): Real {
  if (tree.kind === "number") return reals.double(tree.value);
  if (tree.kind === "name") return reals.variable(tree.name);
  return FUNCTIONS[tree.fn].build(
    reals,
    tree.args.map((argument) => build(reals, argument)),
  );
}

/** Whether the verifier takes them for equal: by one form, or multiplied out; never where one may have no value. */
export function areEqual({ reals, formOf, equal, undefinedIn }: Tables, a: Tree, b: Tree): boolean {
  const [p, q] = [formOf(build(reals, a)), formOf(build(reals, b))];
  return undefinedIn(p) === undefined && undefinedIn(q) === undefined && equal(p, q);
}

/** What a value rests on: `seen` gets each intermediate number, `compared` each difference that decides a comparison. */
export interface Watch {
  readonly seen: (value: number) => void;
  readonly compared: (difference: number) => void;
}

const COMPARISONS: ReadonlySet<Fn> = new Set<Fn>(["gt", "lt", "ge", "le", "eq", "ne", "igt", "ile"]);

export function evaluateTree(tree: Tree, variables: Readonly<Record<string, number>>, watch: Watch): number {
  const of = (inner: Tree): number => {
    if (inner.kind === "number") return inner.value;
    if (inner.kind === "name") return variables[inner.name] ?? Number.NaN;
    const { fn, args } = inner;
    const [condition, then, otherwise] = args;
    if (fn === "if" && condition && then && otherwise) return of(condition) !== 0 ? of(then) : of(otherwise);
    const values = args.map(of);
    if (COMPARISONS.has(fn)) watch.compared((values[0] ?? 0) - (values[1] ?? 0));
    const meaning: Meaning = FUNCTIONS[fn];
    const value = meaning.value(...values);
    watch.seen(value);
    return value;
  };
  return of(tree);
}
