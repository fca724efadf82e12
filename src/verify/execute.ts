/**
 * Symbolic execution of a kernel's body by one thread: kernel IR → `Summary`.
 *
 * - A mutable local after a branch is `ite(condition, …)`; in a loop and after it, a fresh unknown of which only the
 *   loop's invariants are known.
 * - A loop's body is executed once, for an iteration of which is known that lo ≤ k < hi and k = lo + step·t.
 * - `steps` is executed once per value.
 */

import { ELEMENT_RANGE, MAX_GRID, MAX_GRID_THREADS, SIZE_LIMITS } from "../ir/kernel/limits.ts";
import { printExpr } from "../ir/kernel/print.ts";
import type { Axis, Expr, ForStmt, IfStmt, Kernel, StepsStmt, Stmt, StoreStmt } from "../ir/kernel/types.ts";
import { assignedLocals, containsBarrier, visitStmts } from "../ir/kernel/walk.ts";
import { InternalError } from "../support/result.ts";
import {
  type ArrayInfo,
  asGhost,
  type Execution,
  evaluate,
  evaluateTerm,
  newExecution,
  noteAccess,
  siteOf,
} from "./evaluate.ts";
import { declare, fresh, multiply, newScope, type Scope } from "./scope.ts";
import type { Assumptions, BarrierNode, InvariantCheck, LoopContext, Node, Summary } from "./summary.ts";
import { add, and, eq, implies, ite, le, lt, not, numeral, or, printTerm, scale, type Term, within } from "./term.ts";

const AXES: readonly Axis[] = [0, 1, 2];

interface Collected {
  readonly barriers: BarrierNode[];
  readonly invariants: InvariantCheck[];
  nextLoop: number;
}

/** Executes the kernel for one symbolic thread of one symbolic block, at symbolic dimensions. */
export function summarise(kernel: Kernel): Summary {
  const scope = newScope();
  declareSymbols(scope, kernel);
  const run = startExecution(kernel, scope);
  const { grid, assumptions } = asGhost(run, () => assume(run, kernel));
  const collected: Collected = { barriers: [], invariants: [], nextLoop: 0 };
  executeBlock(run, collected, kernel.body);
  return {
    scope,
    assumptions,
    grid,
    extents: new Map([...run.arrays].map(([name, { extent }]) => [name, extent])),
    nodes: run.nodes,
    accesses: run.accesses,
    barriers: collected.barriers,
    computed: run.computed,
    divisors: run.divisors,
    stored: run.stored,
    invariants: collected.invariants,
  };
}

function declareSymbols(scope: Scope, kernel: Kernel): void {
  for (const name of kernel.dims) {
    declare(scope, { name: `dim.${name}`, sort: "Int", owner: "launch", display: name });
  }
  for (const param of kernel.params) {
    if (param.kind !== "scalar" || param.element === "f32") continue;
    const symbol = declare(scope, { name: `scalar.${param.name}`, sort: "Int", owner: "launch", display: param.name });
    const { min, max } = ELEMENT_RANGE[param.element];
    scope.facts.push({
      defines: [printTerm(symbol)],
      term: and(le(numeral(min), symbol), le(symbol, numeral(max))),
    });
  }
  for (const axis of AXES) {
    const letter = "xyz"[axis];
    declare(scope, { name: `block.${letter}`, sort: "Int", owner: "block", display: `block.${letter}` });
    declare(scope, { name: `thread.${letter}`, sort: "Int", owner: "thread", display: `thread.${letter}` });
  }
}

function startExecution(kernel: Kernel, scope: Scope): Execution {
  const arrays = new Map<string, ArrayInfo>();
  const run = newExecution({
    scope,
    arrays,
    dims: new Map(kernel.dims.map((name) => [name, `dim.${name}`])),
    scalars: new Map(kernel.params.map(({ name }) => [name, `scalar.${name}`])),
  });
  for (const param of kernel.params) {
    if (param.kind !== "tensor") continue;
    run.owner = param.name;
    // The machine computes every extent but the outermost for addresses, so that they must fit the index width too.
    const [outermost, ...inner] = param.shape;
    const first = outermost === undefined ? [] : [asGhost(run, () => evaluateTerm(run, outermost))];
    const extent = [...first, ...inner.map((axis) => evaluateTerm(run, axis))];
    arrays.set(param.name, { element: param.element, extent, constant: param.role === "input" });
  }
  for (const array of kernel.arrays) {
    arrays.set(array.name, { element: array.element, extent: array.shape.map(numeral), constant: false });
  }
  return run;
}

function assume(run: Execution, kernel: Kernel): { readonly grid: readonly Term[]; readonly assumptions: Assumptions } {
  const grid = kernel.grid.map((extent) => evaluateTerm(run, extent));
  const contract = [
    ...kernel.where.map(({ dim, value }) => eq(`dim.${dim}`, evaluateTerm(run, value))),
    ...kernel.requires.map((condition) => evaluateTerm(run, condition)),
  ];
  const position = AXES.flatMap((axis) => {
    const [extent, threads] = [grid[axis] ?? "1", kernel.block[axis]];
    const letter = "xyz"[axis];
    return [
      le(extent, numeral(MAX_GRID[axis])),
      le(scale(threads, extent), numeral(MAX_GRID_THREADS)),
      within("0", `block.${letter}`, extent),
      within("0", `thread.${letter}`, numeral(threads)),
    ];
  });
  const elements = kernel.params.flatMap((param) =>
    param.kind === "tensor"
      ? [(run.arrays.get(param.name)?.extent ?? []).reduce((product, axis) => multiply(run.scope, product, axis), "1")]
      : [],
  );
  const sizes = (width: 32 | 64): readonly Term[] => {
    const { maxDim, maxElements } = SIZE_LIMITS[width];
    return [
      ...kernel.dims.map((dim) => and(le("0", `dim.${dim}`), le(`dim.${dim}`, numeral(maxDim)))),
      ...elements.map((count) => le(count, numeral(maxElements))),
    ];
  };
  return { grid, assumptions: { sizes: { 32: sizes(32), 64: sizes(64) }, contract, position } };
}

function executeBlock(run: Execution, out: Collected, body: readonly Stmt[]): void {
  for (const stmt of body) executeStmt(run, out, stmt);
}

function executeStmt(run: Execution, out: Collected, stmt: Stmt): void {
  run.statement++;
  switch (stmt.kind) {
    case "let":
    case "assign": {
      run.owner = stmt.name;
      const term = evaluate(run, stmt.value);
      if (term !== undefined) run.env.set(stmt.name, term);
      return;
    }
    case "store":
      executeStore(run, stmt);
      return;
    case "if":
      executeIf(run, out, stmt);
      return;
    case "for":
      executeFor(run, out, stmt);
      return;
    case "steps":
      executeSteps(run, out, stmt);
      return;
    case "barrier": {
      const node: BarrierNode = { kind: "barrier", ...siteOf(run, stmt.span), decisions: run.decisions };
      out.barriers.push(node);
      run.nodes.push(node);
      return;
    }
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/** The value is evaluated first, then the index, then the element is written. */
function executeStore(run: Execution, stmt: StoreStmt): void {
  run.owner = stmt.array.name;
  const term = evaluate(run, stmt.value);
  noteAccess(run, stmt.array, stmt.index, true, stmt.span);
  const element = run.arrays.get(stmt.array.name)?.element;
  if (term === undefined || element === undefined || element === "f32") return;
  run.stored.push({
    ...siteOf(run, stmt.span),
    term,
    element,
    array: stmt.array.name,
    text: printExpr(stmt.value),
  });
}

function executeIf(run: Execution, out: Collected, stmt: IfStmt): void {
  run.owner = "if";
  const cond = evaluateTerm(run, stmt.cond);
  const { path, decisions, env } = run;
  if (containsBarrier([stmt])) {
    run.decisions = [...decisions, { path, loops: run.loops, terms: [cond], text: printExpr(stmt.cond) }];
  }
  const then = executeBranch(run, out, cond, stmt.then);
  const otherwise = executeBranch(run, out, not(cond), stmt.else);
  run.nodes.push({ kind: "branch", then: then.nodes, else: otherwise.nodes });
  run.decisions = decisions;
  run.env = new Map();
  for (const name of env.keys()) {
    const [a, b] = [then.env.get(name), otherwise.env.get(name)];
    if (a !== undefined && b !== undefined) run.env.set(name, ite(cond, a, b));
  }
  run.path = [...path, ...then.learned, ...otherwise.learned];
}

/** Executes one branch; `learned` is what holds after it, given that it was taken. */
function executeBranch(
  run: Execution,
  out: Collected,
  cond: Term,
  body: readonly Stmt[],
): { readonly nodes: readonly Node[]; readonly env: Map<string, Term>; readonly learned: readonly Term[] } {
  const { env, path, nodes } = run;
  run.env = new Map(env);
  run.path = [...path, cond];
  run.nodes = [];
  executeBlock(run, out, body);
  const result = {
    nodes: run.nodes,
    env: run.env,
    learned: run.path.slice(path.length + 1).map((term) => implies(cond, term)),
  };
  Object.assign(run, { env, path, nodes });
  return result;
}

function executeFor(run: Execution, out: Collected, stmt: ForStmt): void {
  run.owner = stmt.counter;
  const lo = evaluateTerm(run, stmt.lo);
  const hi = evaluateTerm(run, stmt.hi);
  const { path, env, loops, decisions, nodes } = run;
  const aligned = containsBarrier(stmt.body);
  const carried = [...assignedLocals(stmt.body)].filter((name) => env.has(name));
  checkInvariants(run, out, stmt, lo, "holds before the first iteration");

  const symbol = fresh(run.scope, `counter.${stmt.counter}`, "Int", "thread", stmt.counter);
  const context: LoopContext = {
    id: out.nextLoop++,
    counter: stmt.counter,
    symbol: printTerm(symbol),
    step: stmt.step,
    hi,
    aligned,
  };
  run.env = new Map(env).set(stmt.counter, symbol);
  havoc(run, stmt.body, carried);
  run.loops = [...loops, context];
  run.nodes = [];
  if (aligned) {
    const text = `${printExpr(stmt.lo)} and ${printExpr(stmt.hi)}, the bounds of ${stmt.counter}`;
    run.decisions = [...decisions, { path, loops, terms: [lo, hi], text }];
  }
  run.path = [...path, within(lo, symbol, hi), ...onStride(run, lo, symbol, stmt.step)];
  run.path = [...run.path, ...invariantTerms(run, stmt, symbol)];
  const next = add(symbol, numeral(stmt.step));
  run.computed.push({
    ...siteOf(run, stmt.span),
    term: next,
    text: `${stmt.counter} + ${stmt.step}`,
    owner: run.owner,
    statement: run.statement,
  });
  executeBlock(run, out, stmt.body);
  checkInvariants(run, out, stmt, next, "is kept by each iteration");
  nodes.push({ kind: "loop", context, body: run.nodes });

  Object.assign(run, { path, loops, decisions, nodes });
  run.env = new Map(env);
  havoc(run, stmt.body, carried);
  if (stmt.invariants.length > 0) {
    const exit = fresh(run.scope, `exit.${stmt.counter}`, "Int", "thread");
    const bounds = [le(lo, exit), le(hi, exit), or(eq(exit, lo), lt(sub1(exit, stmt.step), hi))];
    run.path = [...path, ...bounds, ...onStride(run, lo, exit, stmt.step), ...invariantTerms(run, stmt, exit)];
  }
}

/** Gives each local a new unknown value. */
function havoc(run: Execution, body: readonly Stmt[], names: readonly string[]): void {
  const booleans = new Set<string>();
  visitStmts(body, (stmt) => {
    if (stmt.kind === "assign" && stmt.type === "bool") booleans.add(stmt.name);
  });
  for (const name of names) {
    const sort = booleans.has(name) ? "Bool" : "Int";
    run.env.set(name, fresh(run.scope, `loop.${name}`, sort, "thread", name));
  }
}

/** `value = lo + step·t` for some t ≥ 0. */
function onStride(run: Execution, lo: Term, value: Term, step: bigint): readonly Term[] {
  if (step === 1n) return [];
  const turns = fresh(run.scope, "turns", "Int", "thread");
  return [le("0", turns), eq(value, add(lo, scale(step, turns)))];
}

function sub1(term: Term, step: bigint): Term {
  return add(term, numeral(-step));
}

function invariantTerms(run: Execution, stmt: ForStmt, counter: Term): readonly Term[] {
  const { env } = run;
  run.env = new Map(env).set(stmt.counter, counter);
  const terms = asGhost(run, () => stmt.invariants.map((invariant) => evaluateTerm(run, invariant)));
  run.env = env;
  return terms;
}

function checkInvariants(
  run: Execution,
  out: Collected,
  stmt: ForStmt,
  counter: Term,
  phase: InvariantCheck["phase"],
): void {
  const goals = invariantTerms(run, stmt, counter);
  stmt.invariants.forEach((expr: Expr, ordinal) => {
    const goal = goals[ordinal];
    if (goal === undefined) throw new InternalError("an invariant without a term");
    out.invariants.push({ ...siteOf(run, expr.span), phase, goal, expr, text: printExpr(expr) });
  });
}

function executeSteps(run: Execution, out: Collected, stmt: StepsStmt): void {
  for (const value of stmt.values) {
    run.statement++;
    const env = new Map(run.env);
    run.env.set(stmt.counter, numeral(value));
    executeBlock(run, out, stmt.body);
    // Locals of the body end with it; those declared outside keep what the body assigned.
    run.env = new Map([...run.env].filter(([name]) => env.has(name)));
  }
}
