/**
 * Sizes, scalars and data that meet a kernel's contract, and those beside them that do not: found by search over small
 * values and over the numbers that the contract itself mentions, so that a kernel that is added is covered as it is.
 */

import { isFloat } from "../../src/ir/kernel/elements.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import { ELEMENT_RANGE } from "../../src/ir/kernel/limits.ts";
import type { Kernel, TensorParam } from "../../src/ir/kernel/types.ts";
import { visitExpr } from "../../src/ir/kernel/walk.ts";
import {
  type Assignment,
  type Contents,
  conjunctsOf,
  type Expected,
  elementsOf,
  expected,
  firstBroken,
  sizeOf,
  tensorsOf,
} from "./contract-model.ts";

/** Numbers beyond these are met by no search, and by no test without allocating. */
const LARGEST_LITERAL = 1_000_000n;
const MOST_ASSIGNMENTS = 200_000;

interface Variable {
  readonly name: string;
  readonly of: "dims" | "scalars";
  /** In the order in which a neighbour is one step away; floats have no order. */
  readonly values: readonly (bigint | number)[];
}

/** Dimensions that `where` does not define, and scalars, each with the values that are tried. */
function variablesOf(kernel: Kernel): readonly Variable[] {
  const literals = new Set<bigint>();
  const floats = new Set<number>();
  const scalars = new Set<string>();
  for (const outer of [...kernel.requires, ...kernel.where.map(({ value }) => value)]) {
    visitExpr(outer, (inner) => {
      if (inner.kind === "int" && inner.value < LARGEST_LITERAL) literals.add(inner.value);
      if (inner.kind === "float") floats.add(inner.value);
      if (inner.kind === "scalar") scalars.add(inner.name);
    });
  }
  const around = [...literals].flatMap((value) => [value - 1n, value, value + 1n]);
  const integers = (low: bigint, high: bigint): readonly bigint[] => {
    const small = Array.from({ length: Number(high - low) + 1 }, (_, i) => low + BigInt(i));
    return [...new Set([...small, ...around])].filter((value) => value >= low).sort((a, b) => Number(a - b));
  };
  const defined = new Set(kernel.where.map(({ dim }) => dim));
  const dims = kernel.dims.filter((name) => !defined.has(name));
  const largest = dims.length > 3 ? 3n : 5n;
  return [
    ...dims.map((name): Variable => ({ name, of: "dims", values: integers(0n, largest) })),
    ...kernel.params.flatMap((param): readonly Variable[] => {
      if (param.kind !== "scalar") return [];
      const { name, element } = param;
      if (element !== "f32") return [{ name, of: "scalars", values: integers(-2n, largest + 1n) }];
      // What no condition names, none breaks.
      const values = scalars.has(name) ? [...new Set([1e-5, 1, 0, -1, Number.NaN, ...floats])] : [1e-5];
      return [{ name, of: "scalars", values }];
    }),
  ];
}

/** The assignment with every dimension that `where` defines, as it defines it. */
export function complete(kernel: Kernel, { dims, scalars }: Assignment): Assignment {
  const all = { ...dims };
  const pending = [...kernel.where];
  for (let round = 0; round <= kernel.where.length && pending.length > 0; round++) {
    for (const clause of [...pending]) {
      if (!mentioned(clause.value).every((name) => all[name] !== undefined)) continue;
      all[clause.dim] = sizeOf(clause.value, { dims: all, scalars });
      pending.splice(pending.indexOf(clause), 1);
    }
  }
  return { dims: all, scalars };
}

function mentioned(expr: Expr): readonly string[] {
  const names: string[] = [];
  visitExpr(expr, (inner) => {
    if (inner.kind === "dim") names.push(inner.name);
  });
  return names;
}

function* assignments(kernel: Kernel, variables: readonly Variable[]): Generator<Assignment> {
  let made = 0;
  function* from(position: number, partial: Assignment): Generator<Assignment> {
    const variable = variables[position];
    if (variable === undefined) {
      if (made++ < MOST_ASSIGNMENTS) yield complete(kernel, partial);
      return;
    }
    for (const value of variable.values) yield* from(position + 1, withValue(partial, variable, value));
  }
  yield* from(0, { dims: {}, scalars: {} });
}

function withValue({ dims, scalars }: Assignment, { name, of }: Variable, value: bigint | number): Assignment {
  return of === "dims"
    ? { dims: { ...dims, [name]: BigInt(value) }, scalars }
    : { dims, scalars: { ...scalars, [name]: value } };
}

/** What the contract allows, smallest first, with no tensor empty. */
export function allowed(kernel: Kernel): readonly Assignment[] {
  const found: { readonly assignment: Assignment; readonly elements: bigint }[] = [];
  for (const assignment of assignments(kernel, variablesOf(kernel))) {
    if (expected(kernel, assignment) !== undefined) continue;
    const counts = tensorsOf(kernel).map((param) => elementsOf(param, assignment));
    if (counts.some((count) => count === 0n)) continue;
    found.push({ assignment, elements: counts.reduce((sum, count) => sum + count, 0n) });
  }
  return found.sort((a, b) => Number(a.elements - b.elements)).map(({ assignment }) => assignment);
}

export interface Boundary {
  readonly conjunct: number;
  readonly inside: Assignment;
  readonly outside: Assignment;
  readonly expected: Expected;
}

/** For each conjunct of `requires` a call that is allowed, and one a step away that breaks this conjunct first. */
export function boundaries(kernel: Kernel): readonly Boundary[] {
  const variables = variablesOf(kernel);
  const wanted = conjunctsOf(kernel).length;
  const found = new Map<number, Boundary>();
  for (const inside of wanted === 0 ? [] : assignments(kernel, variables)) {
    if (found.size === wanted) break;
    if (expected(kernel, inside) !== undefined) continue;
    for (const variable of variables) {
      for (const value of neighbours(variable, inside)) {
        const outside = complete(kernel, withValue(inside, variable, value));
        const answer = expected(kernel, outside);
        if (answer?.conjunct === undefined || found.has(answer.conjunct)) continue;
        found.set(answer.conjunct, { conjunct: answer.conjunct, inside, outside, expected: answer });
      }
    }
  }
  return [...found.values()].sort((a, b) => a.conjunct - b.conjunct);
}

function neighbours({ name, of, values }: Variable, { dims, scalars }: Assignment): readonly (bigint | number)[] {
  const value = of === "dims" ? dims[name] : scalars[name];
  return typeof value === "bigint" ? [value - 1n, value + 1n] : values.filter((other) => !Object.is(other, value));
}

export interface BrokenData {
  readonly ordinal: number;
  readonly assignment: Assignment;
  /** Meets every condition; `wrong` differs from it in one element. */
  readonly right: Contents;
  readonly wrong: Contents;
  readonly first: bigint;
}

const MOST_ELEMENTS = 12;
const MOST_CONTENTS = 40;

/** For each condition on data, contents that break it and no earlier one by a single element. */
export function brokenData(kernel: Kernel, sizes: readonly Assignment[]): readonly BrokenData[] {
  const found = new Map<number, BrokenData>();
  const integers = tensorsOf(kernel).filter(({ element }) => !isFloat(element));
  for (const assignment of sizes) {
    if (found.size === kernel.dataRequires.length) break;
    const count = integers.reduce((sum, param) => sum + Number(elementsOf(param, assignment)), 0);
    if (count > MOST_ELEMENTS) break;
    for (const right of contentsThatHold(kernel, integers, assignment)) {
      for (const wrong of changes(integers, right)) {
        const broken = firstCondition(kernel, assignment, wrong);
        if (broken === undefined || found.has(broken.ordinal)) continue;
        found.set(broken.ordinal, { ...broken, assignment, right, wrong });
      }
    }
  }
  return [...found.values()].sort((a, b) => a.ordinal - b.ordinal);
}

function firstCondition(
  kernel: Kernel,
  assignment: Assignment,
  contents: Contents,
): { readonly ordinal: number; readonly first: bigint } | undefined {
  for (const [ordinal, condition] of kernel.dataRequires.entries()) {
    const first = firstBroken(kernel, condition, assignment, contents);
    if (first !== undefined) return { ordinal, first };
  }
  return undefined;
}

/** Contents of 0 to 2 that meet every condition, the first few of them. */
function* contentsThatHold(
  kernel: Kernel,
  integers: readonly TensorParam[],
  assignment: Assignment,
): Generator<Contents> {
  const counts = integers.map((param) => Number(elementsOf(param, assignment)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  let made = 0;
  for (let code = 0; code < 3 ** Math.min(total, 9) && made < MOST_CONTENTS; code++) {
    let rest = code;
    const contents = Object.fromEntries(
      integers.map(({ name }, position) => [
        name,
        Array.from({ length: counts[position] ?? 0 }, () => {
          const digit = rest % 3;
          rest = Math.floor(rest / 3);
          return BigInt(digit);
        }),
      ]),
    );
    if (firstCondition(kernel, assignment, contents) !== undefined) continue;
    made++;
    yield contents;
  }
}

function* changes(integers: readonly TensorParam[], right: Contents): Generator<Contents> {
  for (const { name, element } of integers) {
    if (isFloat(element)) continue;
    const { min, max } = ELEMENT_RANGE[element];
    const old = right[name] ?? [];
    for (const i of old.keys()) {
      for (const value of [-1n, 0n, 1n, 2n, 3n, max, min]) {
        if (value < min || value === old[i]) continue;
        yield { ...right, [name]: old.with(i, value) };
      }
    }
  }
}
