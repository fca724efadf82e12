/**
 * Symbolic evaluation of expressions: kernel IR → SMT terms, noting on the way every memory access, divisor and integer
 * that the machine computes.
 *
 * A float has no term: its comparison is an unknown boolean, so that NaN is covered. A value read from memory that the
 * kernel may write is a fresh unknown of its element type's range (`settled.ts` says when threads agree on it).
 */

import { type ElementType, isFloat } from "../ir/kernel/elements.ts";
import type { Expr, IntBinary, LoadExpr } from "../ir/kernel/expr.ts";
import { ELEMENT_RANGE, INT_RANGE } from "../ir/kernel/limits.ts";
import { printExpr } from "../ir/kernel/print.ts";
import { InternalError } from "../support/result.ts";
import type { Span } from "../support/span.ts";
import type { ElementTerms } from "./data-clause.ts";
import { divide, fresh, from, ghostTerm, inputApplication, inputElement, multiply, type Scope } from "./scope.ts";
import { type Intervals, newIntervals, noteSharedRead, noteSharedWrite } from "./settled.ts";
import type {
  Access,
  Computed,
  Decision,
  Divisor,
  LoopContext,
  Node,
  Path,
  PathStep,
  Site,
  Stored,
  StoredValue,
} from "./summary.ts";
import {
  add,
  and,
  compareTerms,
  FALSE,
  ite,
  le,
  not,
  numeral,
  or,
  printTerm,
  sub,
  type Term,
  TRUE,
  within,
} from "./term.ts";

/** The array that a name stands for: where it lives, what it holds, and its extents. */
export interface ArrayInfo {
  readonly element: ElementType;
  readonly extent: readonly Term[];
  /** Read-only in this kernel and disjoint from what it writes: equal indices read equal values. */
  readonly constant: boolean;
  /** The name of the function that its contents are; default: the array's name. */
  readonly contents?: string;
}

/** The state of a symbolic execution; `path`, `env` and the lists grow as it goes. */
export interface Execution {
  readonly scope: Scope;
  readonly arrays: ReadonlyMap<string, ArrayInfo>;
  /** What each dimension and each integer scalar is: a symbol, or within a plan the size that it is bound to. */
  readonly dims: ReadonlyMap<string, Term>;
  readonly scalars: ReadonlyMap<string, Term>;
  /** Integer and boolean locals; floats are absent. */
  env: Map<string, Term>;
  path: Path;
  loops: readonly LoopContext[];
  decisions: readonly Decision[];
  nodes: Node[];
  readonly intervals: Intervals;
  /** Specification expressions are not evaluated by the machine, so that nothing is noted of them. */
  ghost: boolean;
  /** Within an instance of a clause: what an element is; the clause's elements are numbered in evaluation order. */
  instance: { readonly elements: ElementTerms; next: number } | undefined;
  owner: string;
  statement: number;
  readonly accesses: Access[];
  readonly computed: Computed[];
  readonly divisors: Divisor[];
  readonly stored: Stored[];
  readonly values: StoredValue[];
}

/** An execution that has seen nothing yet. */
export function newExecution(start: Pick<Execution, "scope" | "arrays" | "dims" | "scalars">): Execution {
  return {
    ...start,
    env: new Map(),
    path: [],
    loops: [],
    decisions: [],
    nodes: [],
    intervals: newIntervals(),
    ghost: false,
    instance: undefined,
    owner: "",
    statement: 0,
    accesses: [],
    computed: [],
    divisors: [],
    stored: [],
    values: [],
  };
}

/** `int` and `bool` expressions have a term. */
export function evaluateTerm(run: Execution, expr: Expr): Term {
  const term = evaluate(run, expr);
  if (term === undefined) throw new InternalError(`a float where an integer or boolean is meant: ${printExpr(expr)}`);
  return term;
}

/** Evaluates for terms and for notes; `undefined` for a float. */
export function evaluate(run: Execution, expr: Expr): Term | undefined {
  switch (expr.kind) {
    case "int": {
      const small = INT_RANGE[32].min <= expr.value && expr.value <= INT_RANGE[32].max;
      return small ? numeral(expr.value) : noteComputed(run, expr, numeral(expr.value));
    }
    case "bool":
      return expr.value ? TRUE : FALSE;
    case "float":
      return undefined;
    case "dim":
      return bound(run.dims, expr.name);
    case "scalar":
      return expr.type === "f32" ? undefined : bound(run.scalars, expr.name);
    case "index":
      return `${expr.of}.${"xyz"[expr.axis]}`;
    case "local": {
      if (expr.type === "f32") return undefined;
      const term = run.env.get(expr.name);
      if (term === undefined) throw new InternalError(`local ${expr.name} has no value`);
      return term;
    }
    case "neg": {
      const value = evaluate(run, expr.value);
      return value === undefined ? undefined : noteComputed(run, expr, sub("0", value));
    }
    case "not":
      return not(evaluateTerm(run, expr.value));
    case "int-op":
      return evaluateIntOp(run, expr);
    case "float-op":
      evaluate(run, expr.left);
      evaluate(run, expr.right);
      return undefined;
    case "compare": {
      const left = evaluate(run, expr.left);
      const right = evaluate(run, expr.right);
      if (left === undefined || right === undefined) return fresh(run.scope, "float-compare", "Bool", "thread");
      return compareTerms(expr.op, left, right);
    }
    case "logic": {
      const left = evaluateTerm(run, expr.left);
      const premise = expr.op === "and" ? left : not(left);
      noteBranch(run.scope, expr.left, left);
      const right = under(run, premise, () => evaluateTerm(run, expr.right));
      return expr.op === "and" ? and(left, right) : or(left, right);
    }
    case "select": {
      const cond = noteBranch(run.scope, expr.cond, evaluateTerm(run, expr.cond));
      const then = under(run, cond, () => evaluate(run, expr.then));
      const otherwise = under(run, not(cond), () => evaluate(run, expr.else));
      return then === undefined || otherwise === undefined ? undefined : ite(cond, then, otherwise);
    }
    case "call":
      for (const argument of expr.args) evaluate(run, argument);
      return undefined;
    case "cast":
      evaluate(run, expr.value);
      return undefined;
    case "round":
      evaluate(run, expr.value);
      if (expr.random !== undefined) evaluate(run, expr.random);
      return undefined;
    case "random": {
      for (const argument of expr.args) evaluate(run, argument);
      const value = fresh(run.scope, "random", "Int", "thread", printExpr(expr));
      const term = and(le("0", value), le(value, numeral(INT_RANGE[32].max)));
      run.scope.facts.push({ defines: [printTerm(value)], term });
      return value;
    }
    case "load":
      return evaluateLoad(run, expr);
    case "ghost":
      return ghostTerm(
        run.scope,
        expr.fn,
        contentsOf(run, expr.array.name),
        expr.args.map((argument) => evaluateTerm(run, argument)),
      );
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function bound(terms: ReadonlyMap<string, Term>, name: string): Term {
  const term = terms.get(name);
  if (term === undefined) throw new InternalError(`${name} is bound to nothing`);
  return term;
}

/** Notes that a path is taken, or left, by the condition's doing; returns its term. */
export function noteBranch(scope: Scope, cond: Expr, term: Term): Term {
  const origin = `branch on ${printExpr(cond)}`;
  from(scope, origin, not(term), cond.span);
  return from(scope, origin, term, cond.span);
}

/** Runs `body` with one more guard on the path. */
export function under<T>(run: Execution, condition: Term, body: () => T): T {
  const { path } = run;
  run.path = condition === TRUE ? path : [...path, { kind: "guard", term: condition }];
  const result = body();
  run.path = path;
  return result;
}

/** Runs `body` on an expression of a specification, which the machine does not evaluate. */
export function asGhost<T>(run: Execution, body: () => T): T {
  const { ghost } = run;
  run.ghost = true;
  const result = body();
  run.ghost = ghost;
  return result;
}

export function siteOf(run: Execution, span: Span): Site {
  return { path: run.path, span, loops: run.loops };
}

export interface AccessOptions {
  readonly write?: boolean;
  readonly atomic?: boolean;
  readonly lanes?: bigint;
}

/** Notes an access of the element at `index`, and returns the index. */
export function noteAccess(
  run: Execution,
  array: LoadExpr["array"],
  index: readonly Expr[],
  span: Span,
  { write = false, atomic = false, lanes = 1n }: AccessOptions = {},
): readonly Term[] {
  const info = run.arrays.get(array.name);
  if (info === undefined) throw new InternalError(`unknown array ${array.name}`);
  const terms = index.map((i) => evaluateTerm(run, i));
  if (!run.ghost) {
    const indexText = index.map(printExpr);
    const access: Access = {
      kind: "access",
      ...siteOf(run, span),
      space: array.space,
      array: array.name,
      write,
      atomic,
      index: terms,
      lanes,
      extent: info.extent,
      text: `${array.name}${indexText.map((i) => `[${i}]`).join("")}`,
      indexText,
    };
    run.accesses.push(access);
    run.nodes.push(access);
    if (array.space === "shared" && write) noteSharedWrite(run.intervals, array.name);
    if (array.space === "global") noteAddress(run, access);
  }
  return terms;
}

/** The row-major address of a global access, each partial result as the machine computes it. */
function noteAddress(run: Execution, access: Access): void {
  let address: Term | undefined;
  const inside = access.index.map((i, axis) => within("0", i, access.extent[axis] ?? "0"));
  for (const [axis, i] of access.index.entries()) {
    if (address === undefined) {
      address = i;
      continue;
    }
    const scaled = multiply(run.scope, address, access.extent[axis] ?? "0");
    const sum = add(scaled, i);
    // That the index is inside is an obligation of its own; an address matters only then.
    for (const term of [scaled, sum]) {
      run.computed.push({
        path: [...run.path, ...inside.map((guard): PathStep => ({ kind: "guard", term: guard }))],
        span: access.span,
        loops: run.loops,
        term,
        text: `the address of ${access.text}`,
        owner: run.owner,
        statement: run.statement,
      });
    }
    address = sum;
  }
}

function evaluateIntOp(run: Execution, expr: IntBinary): Term {
  const left = evaluateTerm(run, expr.left);
  const right = evaluateTerm(run, expr.right);
  switch (expr.op) {
    case "add":
      return noteComputed(run, expr, add(left, right));
    case "sub":
      return noteComputed(run, expr, sub(left, right));
    case "mul":
      return noteComputed(run, expr, multiply(run.scope, left, right));
    case "min":
      return ite(le(left, right), left, right);
    case "max":
      return ite(le(left, right), right, left);
    case "div":
    case "mod": {
      if (!run.ghost) {
        const division = expr.span;
        run.divisors.push({ ...siteOf(run, expr.right.span), term: right, text: printExpr(expr.right), division });
      }
      const { quotient, remainder } = divide(run.scope, left, right);
      return expr.op === "div" ? quotient : remainder;
    }
    default:
      expr.op satisfies never;
      throw new InternalError("unknown integer operator");
  }
}

function evaluateLoad(run: Execution, expr: LoadExpr): Term | undefined {
  const index = noteAccess(run, expr.array, expr.index, expr.span);
  const info = run.arrays.get(expr.array.name);
  if (info === undefined || isFloat(info.element)) return undefined;
  if (run.instance !== undefined) {
    const element = run.instance.elements(expr.array.name, index, run.instance.next++);
    return element ?? inputApplication(run.scope, contentsOf(run, expr.array.name), index);
  }
  const range = ELEMENT_RANGE[info.element];
  if (info.constant) {
    const value = inputElement(run.scope, contentsOf(run, expr.array.name), index, range);
    return range.max > INT_RANGE[32].max ? noteComputed(run, expr, value) : value;
  }
  const value = fresh(run.scope, `read.${expr.array.name}`, "Int", "thread", printExpr(expr));
  run.scope.facts.push({
    defines: [printTerm(value)],
    term: and(le(numeral(range.min), value), le(value, numeral(range.max))),
  });
  if (expr.array.space === "shared" && !run.ghost) {
    noteSharedRead(run.intervals, { array: expr.array.name, index, value, loops: run.loops });
  }
  return range.max > INT_RANGE[32].max ? noteComputed(run, expr, value) : value;
}

/** The name of the function that the array's contents are. */
export function contentsOf(run: Execution, array: string): string {
  return run.arrays.get(array)?.contents ?? array;
}

/** Notes a result that the machine computes. */
function noteComputed(run: Execution, expr: Expr, term: Term): Term {
  if (!run.ghost) {
    run.computed.push({
      ...siteOf(run, expr.span),
      term,
      text: printExpr(expr),
      owner: run.owner,
      statement: run.statement,
    });
  }
  return term;
}
