/**
 * Inversion of an index: which block, thread and iterations touch a given element?
 *
 * In: the access, the element's index as terms, and the symbols that are free. Out: a value for each free symbol. The
 * values are a proposal: whoever uses them proves that they are a thread of the launch that reaches the access and
 * touches the element, so that a poor proposal costs a proof and never makes a wrong one.
 *
 * Index terms are linear in the free symbols, with constant coefficients: `16·block.x + thread.y = i` is solved digit by
 * digit, largest coefficient first: block.x = i div 16, thread.y = i mod 16. Where all coefficients are negative, so is the
 * right side. One coefficient may be a size: the row of `block.y·N + n = i` is i div N. A loop that starts at `thread.x` and steps by
 * 128 gives, once its counter is known, `thread.x = counter mod 128`. The quotient and the remainder of one division give
 * its dividend; a quotient that no equation gives is the caller's guess. A minimum or maximum is taken for that of its
 * operands which has free symbols. What no equation determines is 0, and a loop counter its loop's first value.
 */

import { type Division, divide, multiply, type Scope } from "./scope.ts";
import type { Access, LoopContext } from "./summary.ts";
import { add, numeral, numeralValue, printTerm, rename, scale, sub, substitute, type Term } from "./term.ts";

/** Σ coefficient·atom + rest; atoms are free symbols, or divisions of what has free symbols in it. */
interface Linear {
  readonly parts: ReadonlyMap<string, bigint>;
  readonly rest: Term;
  /** One free symbol times a size, which counts more than all others together. */
  readonly row?: { readonly atom: string; readonly size: Term };
}

interface Equation {
  readonly left: Linear;
  readonly right: Term;
}

export function invertAccess(
  scope: Scope,
  access: Pick<Access, "index" | "lanes" | "loops" | "path">,
  element: readonly Term[],
  free: ReadonlySet<string>,
  given: ReadonlyMap<string, Term> = new Map(),
  guess: Term = "0",
): ReadonlyMap<string, Term> {
  const solver: Solver = { scope, free, loops: access.loops, values: new Map(given), quotients: new Map(), guess };
  const last = access.index.length - 1;
  const pending: Equation[] = access.index.flatMap((index, axis): readonly Equation[] => {
    const target = element[axis] ?? "0";
    const start =
      axis === last && access.lanes > 1n
        ? scale(access.lanes, divide(scope, target, numeral(access.lanes)).quotient)
        : target;
    const left = linearise(solver, index);
    return left === undefined ? [] : [{ left, right: start }];
  });
  solveAll(solver, pending);
  // A guard such as `thread.x === 0` fixes what the index leaves open.
  solveAll(
    solver,
    access.path.flatMap(({ kind, term }) => (kind === "guard" ? equationsIn(solver, term) : [])),
  );
  for (const { symbol, lo } of access.loops) {
    if (free.has(symbol) && !solver.values.has(symbol)) solver.values.set(symbol, substitute(solver.values, lo));
  }
  for (const symbol of free) if (!solver.values.has(symbol)) solver.values.set(symbol, "0");
  return solver.values;
}

interface Solver {
  readonly scope: Scope;
  readonly free: ReadonlySet<string>;
  readonly loops: readonly LoopContext[];
  readonly values: Map<string, Term>;
  /** The parts found of divisions whose dividend has not had its turn. */
  readonly quotients: Map<Division, { readonly quotient?: Term; readonly remainder?: Term }>;
  /** The quotient of a division of which the remainder alone is known. */
  readonly guess: Term;
}

function solveAll(solver: Solver, equations: readonly Equation[]): void {
  const queue = [...equations];
  // Each pass may determine symbols that make others solvable; there are few of both.
  for (let round = 0; round < 8 && queue.length > 0; round++) {
    for (const equation of queue.splice(0)) {
      const known = applyKnown(solver, withoutRow(solver, equation));
      if (known.left.parts.size > 0) queue.push(...solve(solver, known));
    }
    // Only when both parts of a division have had their turn does its dividend follow.
    queue.push(...dividends(solver));
  }
}

/** Solves for the row, and leaves the remainder to the others. */
function withoutRow(solver: Solver, { left, right }: Equation): Equation {
  if (left.row === undefined) return { left, right };
  const { parts, rest, row } = left;
  const { quotient, remainder } = divide(solver.scope, sub(right, rest), row.size);
  found(solver, row.atom, quotient);
  return { left: { parts, rest: "0" }, right: remainder };
}

/** Moves what is known to the right; returns the equations that follow from what was found. */
function solve(solver: Solver, { left, right }: Equation): readonly Equation[] {
  const { scope } = solver;
  let remaining = sub(right, left.rest);
  const digits = [...left.parts].map(([atom, coefficient]): Digit => {
    // A counter that goes from lo in steps of c is lo + c·digit; one that starts at a free symbol is a digit itself.
    const loop = left.parts.size > 1 ? solver.loops.find(({ symbol }) => symbol === atom) : undefined;
    if (loop === undefined || mentionsFree(solver, loop.lo)) return { atom, weight: coefficient, start: "0", step: 1n };
    const start = substitute(solver.values, loop.lo);
    remaining = sub(remaining, scale(coefficient, start));
    return { atom, weight: coefficient * loop.step, start, step: loop.step };
  });
  if (digits.every(({ weight }) => weight < 0n)) {
    remaining = sub("0", remaining);
    digits.forEach((digit, position) => {
      digits[position] = { ...digit, weight: -digit.weight };
    });
  }
  // Of two that count the same the counter comes last: it is 0 more often, where its loop runs once.
  const isCounter = ({ atom }: Digit): number => (solver.loops.some(({ symbol }) => symbol === atom) ? 1 : 0);
  digits.sort((a, b) => (b.weight > a.weight ? 1 : b.weight < a.weight ? -1 : isCounter(a) - isCounter(b)));
  if (digits.some(({ weight }) => weight <= 0n)) return [];
  const following: Equation[] = [];
  digits.forEach(({ atom, weight, start, step }, position) => {
    const last = position === digits.length - 1;
    const parts = weight === 1n ? undefined : divide(scope, remaining, numeral(weight));
    const digit = parts?.quotient ?? (last ? remaining : "0");
    following.push(...found(solver, atom, add(start, scale(step, digit))));
    remaining = parts?.remainder ?? remaining;
  });
  return following;
}

/** One unknown of an equation: atom = start + step·digit, and the digit counts `weight` times. */
interface Digit {
  readonly atom: string;
  readonly weight: bigint;
  readonly start: Term;
  readonly step: bigint;
}

/** Notes the atom's value; a counter's gives an equation for its loop's start, a division's parts one for its dividend. */
function found(solver: Solver, atom: string, value: Term): readonly Equation[] {
  const { scope, values, free } = solver;
  if (free.has(atom)) {
    values.set(atom, value);
    const loop = solver.loops.find(({ symbol }) => symbol === atom);
    const start = loop && linearise(solver, loop.lo);
    if (loop === undefined || start === undefined || start.parts.size === 0) return [];
    const offset = sub(value, start.rest);
    const { remainder } = divide(scope, offset, numeral(loop.step));
    return [{ left: { parts: start.parts, rest: "0" }, right: loop.step === 1n ? offset : remainder }];
  }
  const division = scope.divisions.find(({ quotient, remainder }) => quotient === atom || remainder === atom);
  if (division !== undefined) {
    const parts = solver.quotients.get(division) ?? {};
    solver.quotients.set(division, { ...parts, [division.quotient === atom ? "quotient" : "remainder"]: value });
  }
  return [];
}

/**
 * dividend = divisor·quotient + remainder, for each division of which a part has been found. One whose other part is the dividend
 * of another such division waits for it: of a chain of digits, the innermost comes first.
 */
function dividends(solver: Solver): readonly Equation[] {
  const pending = [...solver.quotients];
  const ready = pending.filter(([division, { quotient, remainder }]) => {
    const missing =
      remainder === undefined ? division.remainder : quotient === undefined ? division.quotient : undefined;
    return !pending.some(([{ dividend }]) => dividend === missing);
  });
  const equations = ready.flatMap(([division, parts]): readonly Equation[] => {
    solver.quotients.delete(division);
    const left = linearise(solver, division.dividend);
    if (left === undefined) return [];
    const scaled = multiply(solver.scope, substitute(solver.values, division.divisor), parts.quotient ?? solver.guess);
    return [{ left, right: add(scaled, parts.remainder ?? "0") }];
  });
  return equations;
}

function applyKnown(solver: Solver, { left, right }: Equation): Equation {
  const parts = new Map<string, bigint>();
  let rest = left.rest;
  for (const [atom, coefficient] of left.parts) {
    const value = solver.values.get(atom);
    // A division is solved anew with each of its parts, for the sake of the equation of its dividend.
    if (value === undefined) parts.set(atom, coefficient);
    else rest = add(rest, scale(coefficient, value));
  }
  return { left: { parts, rest }, right };
}

/** Equations among the conjuncts of a condition. */
function equationsIn(solver: Solver, term: Term): readonly Equation[] {
  if (typeof term === "string") return [];
  const [op, a, b] = term;
  if (op === "and") return term.slice(1).flatMap((part) => equationsIn(solver, part));
  if (op !== "=" || a === undefined || b === undefined) return [];
  const [left, right] = [linearise(solver, a), linearise(solver, b)];
  if (left === undefined || right === undefined || (left.parts.size > 0 && right.parts.size > 0)) return [];
  return left.parts.size > 0 ? [{ left, right: right.rest }] : [{ left: right, right: left.rest }];
}

/** `undefined` where a free symbol stands in something that is not linear. */
function linearise(solver: Solver, term: Term): Linear | undefined {
  const constant: Linear = { parts: new Map(), rest: term };
  if (!mentionsFree(solver, term)) return constant;
  if (typeof term === "string") {
    const row = rowOf(solver, term);
    return row === undefined ? { parts: new Map([[term, 1n]]), rest: "0" } : { parts: new Map(), rest: "0", row };
  }
  const [op, a, b, c] = term;
  if (op === "ite" && b !== undefined && c !== undefined) {
    const chosen = [b, c].filter((branch) => mentionsFree(solver, branch));
    return chosen.length === 1 && chosen[0] !== undefined ? linearise(solver, chosen[0]) : undefined;
  }
  if (op === "-" && a !== undefined && b === undefined) return combine(linearise(solver, a), -1n, "0");
  if (a === undefined || b === undefined) return undefined;
  if (op === "+") return combine(linearise(solver, a), 1n, linearise(solver, b));
  if (op === "-") return combine(linearise(solver, b), -1n, linearise(solver, a));
  const factor = numeralValue(a);
  return op === "*" && factor !== undefined ? combine(linearise(solver, b), factor, "0") : undefined;
}

/** A product of a free symbol and what has none in it. */
function rowOf(solver: Solver, symbol: string): Linear["row"] {
  const product = solver.scope.products.find((candidate) => candidate.symbol === symbol);
  if (product === undefined) return undefined;
  const sides = [
    [product.left, product.right],
    [product.right, product.left],
  ] as const;
  for (const [atom, size] of sides) {
    if (typeof atom === "string" && solver.free.has(atom) && !mentionsFree(solver, size)) return { atom, size };
  }
  return undefined;
}

/** factor·first + second */
function combine(first: Linear | undefined, factor: bigint, second: Linear | Term | undefined): Linear | undefined {
  if (first === undefined || second === undefined) return undefined;
  const other: Linear = isLinear(second) ? second : { parts: new Map(), rest: second };
  const row = first.row ?? other.row;
  if (row !== undefined && ((first.row !== undefined && factor !== 1n) || (first.row && other.row))) return undefined;
  const parts = new Map(other.parts);
  for (const [atom, coefficient] of first.parts) {
    const sum = (parts.get(atom) ?? 0n) + factor * coefficient;
    if (sum === 0n) parts.delete(atom);
    else parts.set(atom, sum);
  }
  return { parts, rest: add(other.rest, scale(factor, first.rest)), ...(row && { row }) };
}

function isLinear(value: Linear | Term): value is Linear {
  return typeof value === "object" && "parts" in value;
}

function mentionsFree(solver: Solver, term: Term): boolean {
  if (typeof term !== "string") return term.some((part) => mentionsFree(solver, part));
  if (solver.free.has(term) || rowOf(solver, term) !== undefined) return true;
  const division = solver.scope.divisions.find(({ quotient, remainder }) => quotient === term || remainder === term);
  return division !== undefined && mentionsFree(solver, division.dividend);
}

/** Guesses at a quotient that no equation gives: which of the parts of a block that share an index it is. */
export const QUOTIENT_GUESSES: readonly Term[] = ["0", "1", "2", "3"];

/** Distinct proposals, by their texts. */
export function proposalKey(values: ReadonlyMap<string, Term>): string {
  return [...values].map(([symbol, value]) => `${symbol} = ${printTerm(value)}`).join("\n");
}

/** The value of a symbol of the other thread: for equations between the proposal and that thread's symbols. */
export function proposalEquations(
  values: ReadonlyMap<string, Term>,
  other: (symbol: string) => string,
): readonly Term[] {
  return [...values].map(([symbol, value]): Term => ["=", rename(symbol, other), value]);
}
