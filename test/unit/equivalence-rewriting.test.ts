/**
 * The algebra of equivalence on random expressions: whatever it takes for equal has equal values.
 *
 * Pairs are an expression and what rewriting made of it, or two that have nothing in common. Rewriting is by laws that hold
 * wherever both sides have a value, and by changes that break the expression: most of those must not be taken for equal,
 * but a few cancel out. Values are those of `evaluateTree`, which evaluates one branch of a choice, as a kernel does; and
 * `evaluate.ts` must give the same.
 *
 * A point says nothing where a value is not finite, where an intermediate number is so large that its rounding is not
 * small against 1, or where two numbers that are compared differ by rounding alone. Those are left out and counted.
 */

import { describe, expect, it } from "vitest";
import { evaluatorOf } from "../../src/verify/equivalence/evaluate.ts";
import { Reals } from "../../src/verify/equivalence/reals.ts";
import { freshTables, LONG_SUM } from "../../src/verify/equivalence/tables.ts";
import { areEqual, build, call, evaluateTree, type Fn, number, print, type Tree } from "./equivalence-expressions.ts";

const PAIRS = 3_000;
const POINTS = 40;
const TOLERANCE = 1e-6;
const LARGE = 1e6;
/** A difference above 0 and below this is rounding. */
const ROUNDING = 1e-9;
const NAMES = ["a", "b", "c", "d"] as const;
/** Where conditions change, and zeros of denominators, are among them. */
const VALUES = [-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 5];

/** Pseudo-random integers below `count`, the same on each run (Park and Miller's generator). */
function generator(seed: number): (count: number) => number {
  let state = seed;
  return (count) => {
    state = (state * 48_271) % 2_147_483_647;
    return Math.floor((state / 2_147_483_647) * count);
  };
}
type Random = ReturnType<typeof generator>;

const pick = <T>(random: Random, from: readonly T[]): T => {
  const found = from[random(from.length)];
  if (found === undefined) throw new Error("nothing to pick from");
  return found;
};

const FLOAT_FNS: readonly Fn[] = ["add", "sub", "mul", "div", "max", "min", "exp", "sqrt", "abs", "erf", "neg"];
const TESTS: readonly Fn[] = ["gt", "ge", "lt", "le", "eq", "ne"];
const unary: ReadonlySet<Fn> = new Set<Fn>(["exp", "sqrt", "abs", "erf", "neg"]);

function leaf(random: Random): Tree {
  return random(4) === 0 ? number(pick(random, [0, 1, 2, 0.5, 3])) : { kind: "name", name: pick(random, NAMES) };
}

function condition(random: Random, depth: number): Tree {
  const kind = depth === 0 ? 0 : random(4);
  if (kind === 1) return call(pick(random, ["and", "or"]), condition(random, depth - 1), condition(random, depth - 1));
  if (kind === 2) return call("not", condition(random, depth - 1));
  return call(pick(random, TESTS), leaf(random), random(3) === 0 ? expression(random, depth) : leaf(random));
}

function expression(random: Random, depth: number): Tree {
  if (depth === 0) return leaf(random);
  const inner = (): Tree => expression(random, depth - 1);
  if (random(4) === 0) return call("if", condition(random, 1), inner(), inner());
  const fn = pick(random, FLOAT_FNS);
  return unary.has(fn) ? call(fn, inner()) : call(fn, inner(), inner());
}

/** Laws by function: the arguments in, another expression of the same value out. */
const LAWS: Partial<Record<Fn, readonly ((...args: readonly Tree[]) => Tree)[]>> = {
  add: [(a = ONE, b = ONE) => call("add", b, a), (a = ONE, b = ONE) => call("sub", a, call("neg", b))],
  sub: [(a = ONE, b = ONE) => call("add", call("mul", number(-1), b), a)],
  mul: [
    (a = ONE, b = ONE) => call("mul", b, a),
    (a = ONE, b = ONE) =>
      b.kind === "call" && b.fn === "add" ? call("add", ...b.args.map((c) => call("mul", a, c))) : call("mul", a, b),
  ],
  div: [(a = ONE, b = ONE) => call("mul", a, call("div", ONE, b))],
  max: [(a = ONE, b = ONE) => call("neg", call("min", call("neg", b), call("neg", a)))],
  min: [(a = ONE, b = ONE) => call("min", b, a)],
  exp: [
    (a = ONE) => call("mul", call("exp", call("sub", a, ONE)), call("exp", ONE)),
    (a = ONE) => call("div", ONE, call("exp", call("neg", a))),
  ],
  sqrt: [(a = ONE) => call("div", a, call("sqrt", a))],
  abs: [(a = ONE) => call("abs", call("neg", a))],
  gt: [
    (a = ONE, b = ONE) => call("not", call("le", a, b)),
    (a = ONE, b = ONE) => call("gt", call("neg", b), call("neg", a)),
  ],
  ge: [(a = ONE, b = ONE) => call("or", call("gt", a, b), call("eq", a, b))],
  eq: [(a = ONE, b = ONE) => call("and", call("le", a, b), call("ge", a, b))],
  not: [(a = ONE) => call("not", call("not", call("not", a)))],
  and: [(a = ONE, b = ONE) => call("not", call("or", call("not", a), call("not", b)))],
  if: [
    (c = ONE, a = ONE, b = ONE) => call("if", call("not", c), b, a),
    (c = ONE, a = ONE, b = ONE) => call("add", call("if", c, call("sub", a, b), number(0)), b),
    // A denominator that is 0 where it is not needed.
    (c = ONE, a = ONE, b = ONE) =>
      call(
        "if",
        c,
        call("div", call("mul", a, call("if", c, POSITIVE, number(0))), call("if", c, POSITIVE, number(0))),
        b,
      ),
  ],
};
const ONE = number(1);
const POSITIVE = call("add", call("mul", { kind: "name", name: "d" }, { kind: "name", name: "d" }), ONE);

/** Changes that make another expression. */
const BREAKS: Partial<Record<Fn, readonly ((...args: readonly Tree[]) => Tree)[]>> = {
  add: [(a = ONE, b = ONE) => call("sub", a, b)],
  sub: [(a = ONE, b = ONE) => call("sub", b, a)],
  mul: [(a = ONE, b = ONE) => call("div", a, b)],
  max: [(a = ONE, b = ONE) => call("min", a, b)],
  gt: [(a = ONE, b = ONE) => call("ge", a, b)],
  le: [(a = ONE, b = ONE) => call("lt", a, b)],
  eq: [(a = ONE, b = ONE) => call("ge", a, b)],
  and: [(a = ONE, b = ONE) => call("or", a, b)],
  exp: [(a = ONE) => call("exp", call("neg", a))],
  if: [
    (c = ONE, a = ONE, b = ONE) => call("if", c, b, a),
    (_c, a = ONE) => a,
    (c = ONE, a = ONE) =>
      call("if", c, call("div", call("mul", a, POSITIVE), call("if", c, POSITIVE, number(0))), number(0)),
  ],
};

/** Applies rules to one node in `oneIn`. */
function rewrite(random: Random, tree: Tree, rules: typeof LAWS, oneIn: number): Tree {
  if (tree.kind !== "call") return tree;
  const args = tree.args.map((argument) => rewrite(random, argument, rules, oneIn));
  const own = rules[tree.fn];
  return own !== undefined && random(oneIn) === 0 ? pick(random, own)(...args) : call(tree.fn, ...args);
}

type Kind = "rewritten" | "broken" | "unrelated";

function partner(random: Random, kind: Kind, tree: Tree): Tree {
  if (kind === "unrelated") return expression(random, 1 + random(2));
  const same = rewrite(random, tree, LAWS, 2);
  return kind === "rewritten" ? same : rewrite(random, same, BREAKS, 3);
}

interface At {
  readonly value: number;
  /** Whether the value is known to about the tolerance. */
  readonly sure: boolean;
}

function valueAt(tree: Tree, variables: Readonly<Record<string, number>>): At {
  let sure = true;
  const value = evaluateTree(tree, variables, {
    seen: (own) => {
      sure &&= Math.abs(own) <= LARGE;
    },
    compared: (difference) => {
      sure &&= difference === 0 || Math.abs(difference) > ROUNDING;
    },
  });
  return { value, sure: sure && Number.isFinite(value) };
}

describe("random expressions that are taken for equal", () => {
  it.each([
    ["rewritten", LONG_SUM, 0.3],
    ["broken", LONG_SUM, 0.02],
    ["unrelated", LONG_SUM, 0],
    // Few sums here are long: every sum is treated as one.
    ["rewritten", 1, 0.3],
    ["broken", 1, 0.02],
  ] as const)("have equal values: %s, sums of more than %d terms being long", (kind, longSum, least) => {
    const random = generator(20_011);
    let [equals, points] = [0, 0];
    const wrong: string[] = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      const a = expression(random, 1 + random(3));
      const b = partner(random, kind, a);
      if (!areEqual(freshTables({ longSum }), a, b)) continue;
      let compared = 0;
      for (let point = 0; point < POINTS; point++) {
        const variables = Object.fromEntries(NAMES.map((name) => [name, pick(random, VALUES)]));
        const [p, q] = [valueAt(a, variables), valueAt(b, variables)];
        if (!p.sure || !q.sure) continue;
        compared++;
        const close = Math.abs(p.value - q.value) <= TOLERANCE * Math.max(1, Math.abs(p.value), Math.abs(q.value));
        if (!close) wrong.push(`${print(a)} = ${p.value}, ${print(b)} = ${q.value} at ${JSON.stringify(variables)}`);
      }
      if (print(a) !== print(b) && compared > POINTS / 4) equals++;
      points += compared;
    }
    expect(wrong.slice(0, 3)).toEqual([]);
    // Pairs of different texts that are equal, with enough points.
    expect(equals).toBeGreaterThanOrEqual(least * PAIRS);
    expect(points).toBeGreaterThanOrEqual(equals * (POINTS / 4));
  });

  it("have the values that evaluate.ts gives", () => {
    const random = generator(31);
    let points = 0;
    for (let i = 0; i < 1_000; i++) {
      const tree = expression(random, 3);
      const reals = new Reals();
      const real = build(reals, tree);
      const variables = Object.fromEntries(NAMES.map((name) => [name, pick(random, VALUES)]));
      const { value, sure } = valueAt(tree, variables);
      if (!sure) continue;
      const evaluate = evaluatorOf(reals, [real]);
      const values = new Map(NAMES.map((name) => [reals.variable(name), variables[name] ?? 0]));
      const found = evaluate((own) => values.get(own) ?? Number.NaN)(real);
      expect(Math.abs(found - value), print(tree)).toBeLessThanOrEqual(TOLERANCE * Math.max(1, Math.abs(value)));
      points++;
    }
    expect(points).toBeGreaterThan(400);
  });
});
