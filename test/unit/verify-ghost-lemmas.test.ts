/**
 * The lemmas about ghosts, which no solver proves: whatever a query is given of them holds of arrays that are filled in by
 * hand, at every position and value from −2 to past the ends.
 */

import { describe, expect, it } from "vitest";
import { instancesFor } from "../../src/verify/instances.ts";
import { printTerm, type Term } from "../../src/verify/term.ts";

const ARRAYS: readonly (readonly number[])[] = [[], [0], [2, 0, 2, 1], [1, 1, 1], [3, 0, 0, 2, 1, 3], [0, 5, 4]];
const NEGATIVE: readonly (readonly number[])[] = [[-1], [2, -3, 0, -1, 2], [-2, -2]];

/** Beyond its end an array goes on with zeros: lemmas hold of any function that extends it. */
function functionsOf(array: readonly number[]): Readonly<Record<string, (i: number, v: number, n: number) => number>> {
  const at = (j: number): number => array[j] ?? 0;
  const first = (i: number): readonly number[] => Array.from({ length: Math.max(0, i) }, (_, j) => at(j));
  return {
    "input.a": at,
    "prefix-sum.a": (i) => first(i).reduce((sum, value) => sum + value, 0),
    "occurrences.a": (i, v) => first(i).filter((value) => value === v).length,
    "below.a": (i, v) => first(i).filter((value) => value < v).length,
    "smaller.a": (i, v) => first(i).findIndex((value) => value < v),
    "not-smaller.a": (i, v) => first(i).findIndex((value) => value >= v),
    // A place that is not there is one that no lemma would allow.
    "nth-occurrence.a": (i, v, n) => first(i).flatMap((value, j) => (value === v ? [j] : []))[n] ?? NOWHERE,
  };
}

const NOWHERE = -1000;

type Value = number | boolean;

function evaluate(term: Term, functions: ReturnType<typeof functionsOf>): Value {
  if (typeof term === "string") return term === "true" || term === "false" ? term === "true" : Number(term);
  const [head, ...args] = term;
  if (typeof head !== "string") throw new Error(`no function: ${printTerm(term)}`);
  const values = args.map((arg) => evaluate(arg, functions));
  const [first = 0, second = 0, third = 0] = values.map(Number);
  const fn = functions[head];
  if (fn !== undefined) return fn(first, second, third);
  switch (head) {
    case "and":
      return values.every(Boolean);
    case "or":
      return values.some(Boolean);
    case "not":
      return !values[0];
    case "=>":
      return !values[0] || values[1] === true;
    case "ite":
      return values[values[0] === true ? 1 : 2] ?? 0;
    case "=":
      return values[0] === values[1];
    case "<=":
      return first <= second;
    case "<":
      return first < second;
    case "+":
      return values.reduce<number>((sum, value) => sum + Number(value), 0);
    case "-":
      return values.length === 1 ? -first : first - second;
    default:
      throw new Error(`an unknown function ${head}`);
  }
}

const ENDS = [-2, -1, 0, 1, 2, 3, 5, 7].map(String);

/** What a query is given that mentions these ghosts and some elements. */
function lemmas(ghosts: readonly Term[], ordered: boolean): readonly Term[] {
  const elements: readonly Term[] = ["0", "2", "6"].map((j) => ["input.a", j]);
  return [...instancesFor([], [...ghosts, ...elements], ordered).values()];
}

describe("lemmas about ghosts", () => {
  const cases: readonly (readonly [string, readonly Term[]])[] = [
    ["sums", ENDS.map((i) => ["prefix-sum.a", i])],
    ["occurrences", ENDS.flatMap((i) => ["-1", "0", "2"].map((v) => ["occurrences.a", i, v]))],
    ["smaller elements", ENDS.flatMap((i) => ["-1", "0", "1", "3"].map((v) => ["below.a", i, v]))],
    [
      "both counts",
      ["0", "3", "5"].flatMap((i) => [["below.a", i, "1"], ...["0", "1", "2"].map((v) => ["occurrences.a", i, v])]),
    ],
    [
      "places",
      ["-1", "0", "3", "7"].flatMap((i) =>
        ["0", "2"].flatMap((v) => ["-1", "0", "1"].map((n) => ["nth-occurrence.a", i, v, n])),
      ),
    ],
  ];
  it.each(cases)("hold of %s", (name, ghosts) => {
    // The order of sums rests on elements that are not negative.
    const found = lemmas(ghosts, name === "sums");
    expect(found.length).toBeGreaterThan(ENDS.length);
    const arrays = name === "sums" ? ARRAYS : [...ARRAYS, ...NEGATIVE];
    for (const array of arrays) {
      const functions = functionsOf(array);
      const broken = found.filter((lemma) => evaluate(lemma, functions) !== true);
      expect(broken.map(printTerm), `[${array.join(", ")}]`).toEqual([]);
    }
  });

  it("says of sums in order nothing that negative elements break, unless they are known to be none", () => {
    const functions = functionsOf([2, -3, 0, -1, 2]);
    const ghosts = ENDS.map((i): Term => ["prefix-sum.a", i]);
    const broken = (ordered: boolean): boolean =>
      lemmas(ghosts, ordered).some((lemma) => evaluate(lemma, functions) !== true);
    expect([broken(false), broken(true)]).toEqual([false, true]);
  });

  it("names an element below the value, and one that is not", () => {
    const functions = functionsOf([4, 1, 4]);
    const texts = lemmas([["below.a", "3", "2"]], false).map(printTerm);
    expect(texts.some((text) => text.includes("smaller.a 3 2") && text.includes("not-smaller"))).toBe(true);
    expect(functions["smaller.a"]?.(3, 2, 0)).toBe(1);
    // A witness that is no element breaks the lemma: the test would see it.
    const wrong = { ...functions, "smaller.a": () => 0 };
    const found = lemmas([["below.a", "3", "2"]], false);
    expect(found.every((lemma) => evaluate(lemma, functions) === true)).toBe(true);
    expect(found.some((lemma) => evaluate(lemma, wrong) !== true)).toBe(true);
  });

  it("says of the place of an occurrence what only that place meets, and nothing where there is none", () => {
    const functions = functionsOf([4, 1, 4, 4]);
    const holds = (n: string, place: number): boolean =>
      lemmas([["nth-occurrence.a", "3", "4", n]], false).every(
        (lemma) => evaluate(lemma, { ...functions, "nth-occurrence.a": () => place }) === true,
      );
    const places = [-1, 0, 1, 2, 3, 4];
    expect(places.filter((place) => holds("0", place))).toEqual([0]);
    expect(places.filter((place) => holds("1", place))).toEqual([2]);
    // The third 4 stands at 3, which is not before the end.
    expect(places.filter((place) => holds("2", place))).toEqual(places);
    expect(places.filter((place) => holds("-1", place))).toEqual(places);
  });
});
