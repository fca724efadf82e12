import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  declare,
  divide,
  fresh,
  ghostTerm,
  inputApplication,
  inputElement,
  multiply,
  newScope,
} from "../../src/verify/scope.ts";
import { add, and, eq, implies, ite, le, lt, not, numeral, or, scale, sub, type Term } from "../../src/verify/term.ts";
import { printerOf, termText } from "../../src/verify/term-text.ts";

/** A scope with the symbols of a kernel over B, N and a tile of 16. */
function kernelScope() {
  const scope = newScope();
  for (const name of ["B", "N"]) declare(scope, { name: `dim.${name}`, sort: "Int", owner: "launch", display: name });
  for (const [of, owner] of [
    ["block", "block"],
    ["thread", "thread"],
  ] as const) {
    for (const axis of "xy") {
      const name = `${of}.${axis}`;
      declare(scope, { name, sort: "Int", owner, display: name });
    }
  }
  return scope;
}

describe("termText", () => {
  const scope = kernelScope();
  const row = add(scale(16n, "block.x"), "thread.y");

  it.each<readonly [string, Term, string]>([
    ["a guard", lt(row, "dim.B"), "block.x * 16 + thread.y < B"],
    ["a negated guard", not(lt(row, "dim.B")), "block.x * 16 + thread.y >= B"],
    [
      "a negated range",
      not(and(le("0", row), lt(row, "dim.B"))),
      "!(0 <= block.x * 16 + thread.y && block.x * 16 + thread.y < B)",
    ],
    ["an inequality", not(eq("thread.x", "thread.y")), "thread.x !== thread.y"],
    [
      "an implication",
      implies(eq("dim.B", "0"), or(eq("dim.N", "0"), lt("dim.N", "0"))),
      "B === 0 => N === 0 || N < 0",
    ],
    ["a sum that is subtracted", ["-", "dim.B", ["+", "dim.N", "1"]], "B - (N + 1)"],
    ["a sum that is scaled", scale(16n, add("dim.B", "1")), "(B + 1) * 16"],
    ["a choice", ite(lt("dim.B", "dim.N"), "dim.B", sub("dim.N", "1")), "B < N ? B : N - 1"],
    ["a disjunction in a conjunction", and(or("p", "q"), "r"), "(p || q) && r"],
    ["a symbol that only the solver sees", lt("float-compare.1", "0"), "float-compare.1 < 0"],
  ])("prints %s", (_, term, text) => {
    expect(termText(scope, term)).toBe(text);
  });

  it.each([
    [2n ** 40n, "2**40"],
    [2n ** 31n - 1n, "2**31 - 1"],
    [-(2n ** 31n), "-(2**31)"],
    [65_536n, "2**16"],
    [1024n, "1024"],
    [-7n, "-7"],
  ])("prints the number %s", (value, text) => {
    expect(termText(scope, numeral(value))).toBe(text);
  });

  it("subtracts from a power of two what is not part of it", () => {
    expect(termText(scope, ["-", "dim.N", numeral(2n ** 31n - 1n)])).toBe("N - (2**31 - 1)");
  });
});

describe("symbols that stand for something", () => {
  it("shows products, quotients, remainders and elements in place", () => {
    const scope = kernelScope();
    const { quotient, remainder } = divide(scope, add("dim.B", "15"), "16");
    expect(termText(scope, lt("block.x", quotient))).toBe("block.x < div(B + 15, 16)");
    expect(termText(scope, eq(remainder, "0"))).toBe("mod(B + 15, 16) === 0");
    expect(termText(scope, le(multiply(scope, "dim.B", "dim.N"), "9"))).toBe("B * N <= 9");
    expect(termText(scope, multiply(scope, add("dim.B", "1"), "dim.N"))).toBe("B * N + N");
    expect(termText(scope, multiply(scope, add("dim.B", "thread.x"), "dim.N"))).toBe("(B + thread.x) * N");
    const range = { min: 0n, max: 9n };
    expect(termText(scope, inputElement(scope, "ids", ["thread.x", "thread.y"], range))).toBe(
      "ids[thread.x][thread.y]",
    );
    expect(termText(scope, ghostTerm(scope, "prefix-sum", "counts", ["thread.x"]))).toBe("prefixSum(counts, thread.x)");
    expect(termText(scope, inputApplication(scope, "counts", [add("thread.x", "1")]))).toBe("counts[thread.x + 1]");
  });

  it("marks what belongs to another thread, and only that", () => {
    const scope = kernelScope();
    const { quotient } = divide(scope, add(scale(8n, "block.x"), "thread.x"), "4");
    const second = `${String(quotient)}!2`;
    expect(termText(scope, eq("thread.x!2", "dim.N"))).toBe("thread.x' === N");
    expect(termText(scope, eq("thread.x!w1", "dim.N"))).toBe("thread.x'w1 === N");
    expect(termText(scope, second)).toBe("div(block.x' * 8 + thread.x', 4)");
    // Two threads of one block share its index.
    expect(printerOf(scope, new Set([second, "thread.x!2", "block.x"]))(second)).toBe(
      "div(block.x * 8 + thread.x', 4)",
    );
  });

  it("names an unknown of a loop as the source does", () => {
    const scope = kernelScope();
    const value = fresh(scope, "loop.acc", "Int", "thread", "acc");
    expect(termText(scope, lt(value, "3"))).toBe("acc < 3");
  });
});

describe("the text's parentheses", () => {
  const NAMES = ["a", "b", "c"] as const;
  const { int, bool } = fc.letrec<{ int: Term; bool: Term }>((tie) => ({
    int: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<Term>(...NAMES),
      fc.bigInt({ min: -9n, max: 9n }).map(numeral),
      fc.tuple(fc.constantFrom("+", "-", "*"), tie("int"), tie("int")),
      fc.tuple(fc.constant("-"), tie("int")),
      fc.tuple(fc.constant("ite"), tie("bool"), tie("int"), tie("int")),
    ),
    bool: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<Term>("true", "false"),
      fc.tuple(fc.constantFrom("=", "<", "<=", ">", ">="), tie("int"), tie("int")),
      fc.tuple(fc.constantFrom("and", "or"), tie("bool"), tie("bool"), tie("bool")),
      fc.tuple(fc.constant("not"), tie("bool")),
    ),
  }));

  it("make it mean, as JavaScript, what the term means", () => {
    const values = fc.record({ a: fc.integer({ min: -9, max: 9 }), b: fc.nat(9), c: fc.nat(9) });
    fc.assert(
      fc.property(fc.oneof(int, bool), values, (term, env) => {
        const text = termText(newScope(), term);
        const run = new Function(...NAMES, `return (${text});`);
        const result: unknown = run(...NAMES.map((name) => env[name]));
        // -0 and 0 are one integer.
        expect(typeof result === "number" ? result + 0 : result, text).toBe(meaningOf(term, env));
      }),
      { numRuns: 1000 },
    );
  });
});

/** The value of an integer or boolean term. */
function meaningOf(term: Term, env: Readonly<Record<string, number>>): number | boolean {
  if (typeof term === "string")
    return term === "true" || term === "false" ? term === "true" : (env[term] ?? Number(term));
  const [head, ...parts] = term;
  if (head === "ite") {
    const [cond = "", then = "", otherwise = ""] = parts;
    return meaningOf(meaningOf(cond, env) === true ? then : otherwise, env);
  }
  const args = parts.map((part) => meaningOf(part, env));
  const [left, right] = args.map(Number);
  if (left === undefined) throw new Error("an application without arguments");
  switch (head) {
    case "and":
      return args.every((argument) => argument === true);
    case "or":
      return args.includes(true);
    case "not":
      return args[0] !== true;
    case "-":
      return right === undefined ? 0 - left : left - right;
    default:
      return binary(String(head), left, right ?? 0);
  }
}

function binary(op: string, left: number, right: number): number | boolean {
  const results: Readonly<Record<string, number | boolean>> = {
    "+": left + right,
    "*": left * right + 0,
    "=": left === right,
    "<": left < right,
    "<=": left <= right,
    ">": left > right,
    ">=": left >= right,
  };
  const result = results[op];
  if (result === undefined) throw new Error(`unknown operator ${op}`);
  return result;
}
