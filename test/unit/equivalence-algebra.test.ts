/** The algebra of equivalence: what normal forms must take for equal, and what they must keep apart. */

import { describe, expect, it } from "vitest";
import { freshTables, LONG_SUM } from "../../src/verify/equivalence/tables.ts";
import { areEqual, parse } from "./equivalence-expressions.ts";

type Equal = (a: string, b: string) => boolean;
/** Whether the algebra takes them for equal where sums of more than this many terms are long. */
const equalWith = (longSum: number): Equal => {
  return (a, b) => areEqual(freshTables({ longSum }), parse(a), parse(b));
};
const sum = (terms: readonly string[]): string => terms.join(" + ");
const names = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${letter}${i}`);

/** softmax of element 0 of `count`, with this subtracted from each. */
function softmax(count: number, shift: string): string {
  const powers = names("x", count).map((x) => `exp(${x} - (${shift}))`);
  return `${powers[0]} / (${sum(powers)})`;
}

/** E[x²] − E[x]² and E[(x − E[x])²] */
function variances(count: number): readonly [string, string] {
  const x = names("x", count);
  const mean = `(${sum(x)}) / ${count}`;
  const squares = sum(x.map((own) => `${own}*${own}`));
  const centred = sum(x.map((own) => `(${own} - ${mean})*(${own} - ${mean})`));
  return [`(${squares}) / ${count} - ${mean} * (${mean})`, `(${centred}) / ${count}`];
}

const SAME: readonly (readonly [string, string])[] = [
  // Sums and products.
  ["(a + b)*(a + b)", "a*a + 2*a*b + b*b"],
  ["(a - b)*(a + b)", "a*a - b*b"],
  ["(a + b)*(a + b)*(a + b)", "a*a*a + 3*a*a*b + 3*a*b*b + b*b*b"],
  ["(a + b)*(c - 1)", "c*a - b + b*c - a"],
  ["0.5*a*(1 + b)", "(a + a*b)/2"],
  ["a + b + c - b", "c + a"],
  // Quotients.
  ["a/b*b", "a"],
  ["a*(1/b)", "a/b"],
  ["1/a + 1/b", "(a + b)/(a*b)"],
  ["1/(a + b) + 1/(a - b)", "2*a/(a*a - b*b)"],
  ["(a*a - b*b)/(a + b)", "a - b"],
  ["a/(b/c)", "a*c/b"],
  ["(a/c + b/c)/(a + b)", "1/c"],
  // exp, √ and |…|.
  ["exp(a + b)", "exp(a)*exp(b)"],
  ["exp(a)/exp(b)", "exp(a - b)"],
  ["exp(2*a)", "exp(a)*exp(a)"],
  ["exp(a/2)*exp(a/2)", "exp(a)"],
  ["exp((a + b)*(a + b))", "exp(a*a)*exp(2*a*b)*exp(b*b)"],
  ["exp(2*(a + b)*(a + b))", "exp(2*a*a)*exp(4*a*b)*exp(2*b*b)"],
  ["sqrt(a)*sqrt(a)", "a"],
  ["a/sqrt(a)", "sqrt(a)"],
  ["(a + b)/sqrt(a + b)", "sqrt(b + a)"],
  ["1/(sqrt(a + b)*sqrt(a + b))", "1/(a + b)"],
  ["sqrt((a + b)*(a + b) + c)", "sqrt(a*a + 2*a*b + b*b + c)"],
  ["abs(-a)", "abs(a)"],
  ["abs(a - b)", "abs(b - a)"],
  ["erf((a + b)*c)", "erf(a*c + c*b)"],
  // Logarithms, of what has an exponential as a factor.
  ["log(exp(a))", "a"],
  ["log(exp(a)*b)", "a + log(b)"],
  ["log(b/exp(2*a))", "log(b) - 2*a"],
  ["log(exp(a - c) + exp(b - c)) + c", "log(exp(a) + exp(b))"],
  ["a - log(exp(a) + exp(b))", "-log(1 + exp(b - a))"],
  ["log(exp((a + b)*(a + b)))", "(a + b)*(a + b)"],
  // Maxima.
  ["max(a, max(b, c))", "max(max(c, a), b)"],
  ["max(a, a)", "a"],
  ["max(max(a, 1), max(2, b))", "max(b, max(a, 2))"],
  ["min(a, b)", "min(b, a)"],
  ["min(a, b)", "-max(-a, -b)"],
  // Conditions.
  ["ge(a, b)", "gt(a, b) + eq(a, b)"],
  ["le(a, b)", "not(gt(a, b))"],
  ["gt(a, b)", "lt(b, a)"],
  ["gt(2*a, 2*b)", "gt(a, b)"],
  ["gt(-a, -b)", "lt(a, b)"],
  ["gt(a, b) + eq(a, b) + lt(a, b)", "1"],
  ["and(gt(a, b), eq(a, b))", "0"],
  ["ne(a, b)", "gt(a, b) + gt(b, a)"],
  ["not(and(gt(a, b), gt(c, d)))", "or(le(a, b), le(c, d))"],
  ["not(or(gt(a, b), eq(c, d)))", "and(le(a, b), ne(c, d))"],
  ["or(gt(a, b), and(eq(a, b), gt(c, d)))", "gt(a, b) + eq(a, b)*gt(c, d)"],
  ["gt(a, b)*gt(a, b)", "gt(a, b)"],
  ["igt(j, i)", "ile(i, j - 1)"],
  ["ile(i, j)", "igt(j + 1, i)"],
  ["igt(gt(a, b) + gt(c, d), 2)", "0"],
  ["igt(gt(a, b) + 1, 0)", "1"],
  // Choices.
  ["if(gt(a, b), c, c)", "c"],
  ["if(gt(a, b), c, d)", "if(le(a, b), d, c)"],
  ["if(gt(a, b), c + d, c)", "c + if(gt(a, b), d, 0)"],
  ["if(gt(a, b), c, d)*e", "if(gt(a, b), c*e, d*e)"],
  ["if(gt(a, b), if(gt(a, b), c, d), e)", "if(gt(a, b), c, e)"],
  ["if(gt(a, b), c, if(eq(a, b), c, d))", "if(ge(a, b), c, d)"],
  // A division that a choice keeps from being made.
  ["if(ne(b, 0), a/b, 0)", "if(eq(b, 0), 0, a*(1/b))"],
  ["if(gt(a, 0), c/(c*d + c), 0)", "if(gt(a, 0), 1/(1 + d), 0)"],
];

const DIFFERENT: readonly (readonly [string, string])[] = [
  ["a - b", "b - a"],
  ["a*b", "a + b"],
  ["2*a", "a"],
  ["a*0.7071067690849304", "a*0.7071068286895752"],
  ["a + 1", "a + 1.0000001192092896"],
  ["a/b", "b/a"],
  ["1/(a + b)", "1/a + 1/b"],
  ["max(a, b)", "min(a, b)"],
  ["max(a, b)", "max(a, -b)"],
  ["-max(a, b)", "max(-a, -b)"],
  ["max(a, 0)", "a"],
  ["gt(a, b)", "ge(a, b)"],
  ["gt(a, b)", "gt(b, a)"],
  ["gt(a, 0)", "gt(a, 1)"],
  ["gt(a, b)", "ne(a, b)"],
  ["igt(i, j)", "ile(j, i)"],
  ["igt(i, 0)", "igt(2*i, 1)*igt(i, 1)"],
  ["if(gt(a, b), a, b)", "if(gt(a, b), b, a)"],
  ["if(gt(a, b), c, 0)", "c"],
  ["exp(2*a)", "2*exp(a)"],
  ["exp(a + b)", "exp(a) + exp(b)"],
  ["exp(a*b)", "exp(a)*exp(b)"],
  ["exp(2*(a + b)*(a + b))", "exp(a*a)*exp(2*a*b)*exp(b*b)"],
  ["exp(-a)", "-exp(a)"],
  ["log(exp(a) + exp(b))", "a + b"],
  ["log(exp(a)*b)", "a*log(b)"],
  ["log(exp(a)*b)", "log(b)"],
  ["log(2*exp(a))", "a"],
  ["log(a*b)", "log(a) + log(b)"],
  ["log(a*a)", "2*log(a)"],
  ["log(exp(a) + b)", "a + log(b)"],
  ["sqrt(a*a)", "a"],
  ["sqrt(a + b)", "sqrt(a) + sqrt(b)"],
  ["sqrt(a)*sqrt(a)*sqrt(a)", "a"],
  ["abs(a)", "a"],
  ["abs(a + b)", "abs(a - b)"],
  ["erf(a)", "tanh(a)"],
  ["erf(-a)", "erf(a)"],
  ["log(a)", "a"],
  ["or(gt(a, b), gt(c, d))", "gt(a, b) + gt(c, d)"],
  ["or(gt(a, b), gt(c, d))", "and(gt(a, b), gt(c, d))"],
];

/** Equal only where they have a value, or not at all: divisions by 0, by what a comparison makes 0, and the unwritten. */
const WITHOUT_VALUE: readonly (readonly [string, string])[] = [
  ["unknown()", "unknown()"],
  ["0*unknown()", "0"],
  ["0*(a + unknown())", "0"],
  ["a + 0*(1/0)", "a"],
  ["a + 1/(b - b) - 1/(b - b)", "a"],
  ["a + 1/((b + 1) - b - 1) - 1/((c + 1) - c - 1)", "a"],
  ["max(a, unknown())", "max(a, unknown())"],
  ["if(gt(a, b), unknown(), c)", "c"],
  ["a/gt(b, c)", "a"],
  ["a/(gt(b, c) + gt(c, b))", "a"],
];

/**
 * `choice` is 0 where its condition fails, and divides by 0 only there; `always` is what it is elsewhere. What divides must
 * not cancel against the condition.
 */
const SHIELDED: readonly (readonly [choice: string, always: string])[] = [
  ["if(C, a/if(C, b, 0), 0)", "a/b"],
  ["if(C, a/(if(C, b, 0) + if(C, c, 0)), 0)", "a/(b + c)"],
  ["if(C, a*(b*b + 1)/if(C, b*b + 1, 0), 0)", "a"],
  ["if(C, a/(sqrt(if(C, b + c, 0))*sqrt(if(C, b + c, 0))), 0)", "a/(b + c)"],
  ["if(C, a/sqrt(if(C, b + c, 0)), 0)", "a/sqrt(b + c)"],
  ["if(C, exp(a)/(if(C, exp(a), 0) + if(C, exp(b), 0)), 0)", "exp(a)/(exp(a) + exp(b))"],
];
const CONDITIONS = [
  "gt(d, 5)",
  "ge(d, 5)",
  "eq(d, 5)",
  "ne(d, 5)",
  "and(gt(d, 5), gt(e, 5))",
  "or(eq(d, 5), gt(e, 5))",
];

// Few sums here are long: with 1 every sum is treated as one.
describe.each([LONG_SUM, 1])("normal forms where sums of more than %i terms are long", (longSum) => {
  const equal = equalWith(longSum);

  it.each(SAME)("%s is %s", (a, b) => expect(equal(a, b)).toBe(true));
  it.each(DIFFERENT)("%s is not %s", (a, b) => expect(equal(a, b)).toBe(false));
  it.each(WITHOUT_VALUE)("%s has no value, and is not %s", (a, b) => expect(equal(a, b)).toBe(false));

  it.each([2, 3, 4, 5])("the variance of %i numbers is that of the centred ones", (count) => {
    const [raw, centred] = variances(count);
    expect(equal(raw, centred)).toBe(true);
    expect(equal(`1/sqrt(${raw} + e)`, `1/sqrt(${centred} + e)`)).toBe(true);
    expect(equal(raw, `(${centred}) * ${count} / (${count} - 1)`)).toBe(false);
  });

  it.each(["0", "s", "x1", "max(x0, x1)", "max(max(x2, x0), x1)", "max(max(x0, x1), -1e30)", "(s + x1)/2"])(
    "softmax does not change when %s is subtracted",
    (shift) => {
      expect(equal(softmax(3, shift), softmax(3, "max(x0, max(x1, x2))"))).toBe(true);
      expect(equal(softmax(3, shift), softmax(4, shift))).toBe(false);
    },
  );

  it("a multiple of a long sum is a multiple of each of its terms", () => {
    const terms = names("x", LONG_SUM + 2);
    const each = (factor: string): string => sum(terms.map((x) => `${x}*${factor}`));
    const mean = `(${sum(terms)}) / 10`;
    expect(equal(mean, each("0.1"))).toBe(false);
    expect(equal(mean, sum(terms.map((x) => `${x}/10`)))).toBe(true);
    expect(equal(`10*(${mean})`, sum(terms))).toBe(true);
    expect(equal(`x0 - ${mean}`, `x0 - (${sum(terms.toReversed())})/20 - ${mean}/2`)).toBe(true);
    expect(equal(`exp(${mean})`, terms.map((x) => `exp(${x}/10)`).join("*"))).toBe(true);
    expect(equal(`1/(x0 - 2*(${sum(terms)}))`, `1/(${each("2")} - x0)`)).toBe(false);
    expect(equal(`1/(x0 - 2*(${sum(terms)}))`, `1/(x0 - (${each("2")}))`)).toBe(true);
    expect(equal(`(x0*x0 - (${each("2")})*(${each("2")}))/(x0 - 2*(${sum(terms)}))`, `x0 + ${each("2")}`)).toBe(true);
  });

  it("a weight that is 0 is skipped, not multiplied", () => {
    expect(equal("if(ne(w, 0), w*p, 0)", "w*p")).toBe(false);
  });

  const shielded = CONDITIONS.flatMap((condition) =>
    SHIELDED.map(([choice, always]): readonly [string, string] => [choice.replaceAll("C", condition), always]),
  );
  it.each(shielded)("%s is 0 elsewhere, and not %s", (choice, always) => {
    expect(equal(choice, always)).toBe(false);
  });

  it("a root and what it is the root of do not make a denominator cancel under a choice", () => {
    // At d ≥ 0 the choice is p + q, not p + q + |d| + d.
    const quotient = "((p + q)*sqrt(d*d) - p*d - q*d)/(sqrt(d*d) - d)";
    expect(equal(quotient, "p + q")).toBe(true);
    expect(equal(`if(lt(d, 0), ${quotient}, p + q)`, "p + q + sqrt(d*d) + d")).toBe(false);
  });
});
