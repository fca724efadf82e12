/**
 * Symbolic execution of a kernel's body by one thread: kernel IR → `Summary`.
 *
 * - A mutable local after a branch is `ite(condition, …)`; in a loop and after it, a fresh unknown of which only the
 *   loop's invariants are known.
 * - A loop's body is executed once, for an iteration of which is known that lo ≤ k < hi and k = lo + step·t.
 * - `steps` is executed once per value.
 */

import { int } from "../ir/kernel/build.ts";
import { isFloat } from "../ir/kernel/elements.ts";
import { fragmentAccesses, rowArray } from "../ir/kernel/matrix.ts";
import { printExpr, printIndex } from "../ir/kernel/print.ts";
import type {
  AtomicStmt,
  ForStmt,
  FragmentStmt,
  IfStmt,
  Kernel,
  MmaStmt,
  RegisterRow,
  StepsStmt,
  Stmt,
  StoreStmt,
  VectorStmt,
} from "../ir/kernel/types.ts";
import { assignedLocals, containsBarrier, runsTogether, visitStmts } from "../ir/kernel/walk.ts";
import { InternalError } from "../support/result.ts";
import type { Span } from "../support/span.ts";
import { assume, coversTerms, dataClause, declareSymbols, startExecution } from "./assume.ts";
import { asGhost, type Execution, evaluate, evaluateTerm, noteAccess, noteBranch, siteOf } from "./evaluate.ts";
import { checkInvariants, fact, invariantFacts } from "./invariants.ts";
import { divide, fresh, from, newScope } from "./scope.ts";
import { joinIntervals, passBarrier, stateSettled } from "./settled.ts";
import type { BarrierNode, Collective, InvariantCheck, LoopContext, Node, PathStep, Summary } from "./summary.ts";
import { add, eq, implies, ite, le, lt, not, numeral, or, printTerm, sub, type Term, within } from "./term.ts";

interface Collected {
  readonly kernel: Kernel;
  readonly barriers: BarrierNode[];
  readonly collectives: Collective[];
  readonly invariants: InvariantCheck[];
  /** The symbols of each loop counter, by its name in the source. */
  readonly counters: Map<string, string[]>;
  nextLoop: number;
}

/** Executes the kernel for one symbolic thread of one symbolic block, at symbolic dimensions. */
export function summarise(kernel: Kernel): Summary {
  const scope = newScope();
  declareSymbols(scope, kernel);
  const run = startExecution(kernel, scope);
  const { grid, assumptions } = asGhost(run, () => assume(run, kernel));
  scope.data.push(...kernel.dataRequires.map((condition) => dataClause(run, condition)));
  const collected: Collected = {
    kernel,
    barriers: [],
    collectives: [],
    invariants: [],
    counters: new Map(),
    nextLoop: 0,
  };
  executeBlock(run, collected, kernel.body);
  stateSettled(scope, run.intervals);
  return {
    scope,
    widest: kernel.indexWidth === "i32" ? 32 : 64,
    assumptions,
    grid,
    extents: new Map([...run.arrays].map(([name, { extent }]) => [name, extent])),
    nodes: run.nodes,
    accesses: run.accesses,
    barriers: collected.barriers,
    collectives: collected.collectives,
    computed: run.computed,
    divisors: run.divisors,
    stored: run.stored,
    invariants: collected.invariants,
    values: run.values,
    ensures: kernel.ensures.map((condition) => dataClause(run, condition)),
    covers: kernel.covers.map((clause) => coversTerms(run, clause, collected.counters)),
  };
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
    case "atomic":
      executeAtomic(run, stmt);
      return;
    case "vector":
      executeVector(run, stmt);
      return;
    case "fragment":
      executeFragment(run, out, stmt);
      return;
    case "mma":
      executeMma(run, out, stmt);
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
      const node: BarrierNode = {
        kind: "barrier",
        scope: stmt.scope,
        ...siteOf(run, stmt.span),
        decisions: run.decisions,
      };
      out.barriers.push(node);
      run.nodes.push(node);
      if (stmt.scope === "block") passBarrier(run.intervals);
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
  noteAccess(run, stmt.array, stmt.index, stmt.span, { write: true });
  const element = run.arrays.get(stmt.array.name)?.element;
  if (term === undefined || element === undefined || isFloat(element)) return;
  const access = run.accesses.at(-1);
  if (access === undefined) throw new InternalError("a store without an access");
  run.values.push({ access, value: term });
  run.stored.push({
    ...siteOf(run, stmt.span),
    term,
    element,
    array: stmt.array.name,
    text: printExpr(stmt.value),
  });
}

/** What an atomic addition leaves wraps, so that it fits by definition; its operand and an extremum must fit. */
function executeAtomic(run: Execution, stmt: AtomicStmt): void {
  run.owner = stmt.array.name;
  const term = evaluateTerm(run, stmt.value);
  noteAccess(run, stmt.array, stmt.index, stmt.span, { write: true, atomic: true });
  const element = run.arrays.get(stmt.array.name)?.element;
  if (element === undefined || isFloat(element)) throw new InternalError("an atomic access to floats");
  run.stored.push({
    ...siteOf(run, stmt.span),
    term,
    element,
    array: stmt.array.name,
    text: printExpr(stmt.value),
  });
}

/** The side that is read comes first. */
function executeVector(run: Execution, { direction, registers, lanes, array, index, span }: VectorStmt): void {
  run.owner = array.name;
  const load = direction === "load";
  const memory = (): unknown => noteAccess(run, array, index, span, { write: !load, lanes });
  const own = (): unknown => noteRow(run, registers, span, { write: load, lanes });
  for (const note of load ? [memory, own] : [own, memory]) note();
}

/** Elements of a row of registers, from `first` on. */
function noteRow(
  run: Execution,
  { array, index }: RegisterRow,
  span: Span,
  { first = 0n, ...access }: { readonly write?: boolean; readonly lanes: bigint; readonly first?: bigint },
): void {
  noteAccess(run, { space: "register", name: array }, [...index, int(first, span)], span, access);
}

/** What a lane reads of its tile are accesses like any other. */
function executeFragment(run: Execution, out: Collected, stmt: FragmentStmt): void {
  const { target, array, index, span } = stmt;
  run.owner = target.array;
  const tile = asGhost(run, () => index.map((i) => evaluateTerm(run, i)));
  out.collectives.push({
    what: "fragment",
    array: target.array,
    text: `${array.name}${printIndex(index)}`,
    tile,
    ...siteOf(run, span),
    decisions: run.decisions,
  });
  for (const { index: own, first, lanes } of fragmentAccesses(out.kernel, stmt)) {
    noteAccess(run, array, own, span, { lanes });
    noteRow(run, target, span, { write: true, lanes, first });
  }
}

function executeMma(run: Execution, out: Collected, { accumulator, a, b, span }: MmaStmt): void {
  run.owner = accumulator.array;
  out.collectives.push({
    what: "mma",
    array: accumulator.array,
    text: `${accumulator.array}${printIndex(accumulator.index)}`,
    tile: [],
    ...siteOf(run, span),
    decisions: run.decisions,
  });
  const lanesOf = (row: RegisterRow): bigint => rowArray(out.kernel, row).shape.at(-1) ?? 1n;
  for (const row of [a, b, accumulator]) noteRow(run, row, span, { lanes: lanesOf(row) });
  noteRow(run, accumulator, span, { write: true, lanes: lanesOf(accumulator) });
}

function executeIf(run: Execution, out: Collected, stmt: IfStmt): void {
  run.owner = "if";
  const cond = noteBranch(run.scope, stmt.cond, evaluateTerm(run, stmt.cond));
  const { path, decisions, env } = run;
  if (runsTogether([stmt])) {
    run.decisions = [...decisions, { path, loops: run.loops, terms: [cond], text: printExpr(stmt.cond) }];
  }
  const { intervals } = run;
  const start = intervals.current;
  const then = executeBranch(run, out, cond, stmt.then);
  const end = intervals.current;
  intervals.current = start;
  const otherwise = executeBranch(run, out, not(cond), stmt.else);
  joinIntervals(intervals, end, intervals.current);
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
): { readonly nodes: readonly Node[]; readonly env: Map<string, Term>; readonly learned: readonly PathStep[] } {
  const { env, path, nodes } = run;
  run.env = new Map(env);
  run.path = [...path, { kind: "guard", term: cond }];
  run.nodes = [];
  executeBlock(run, out, body);
  const result = {
    nodes: run.nodes,
    env: run.env,
    learned: run.path.slice(path.length + 1).map(({ term }): PathStep => fact(implies(cond, term))),
  };
  Object.assign(run, { env, path, nodes });
  return result;
}

function executeFor(run: Execution, out: Collected, stmt: ForStmt): void {
  run.owner = stmt.counter;
  const lo = evaluateTerm(run, stmt.lo);
  const hi = evaluateTerm(run, stmt.hi);
  const { path, env, loops, decisions, nodes } = run;
  const aligned = containsBarrier(stmt.body, "block");
  const decided = runsTogether(stmt.body);
  const carried = [...assignedLocals(stmt.body)].filter((name) => env.has(name));
  checkInvariants(run, out.invariants, stmt, lo, "holds before the first iteration");

  const symbol = fresh(run.scope, `counter.${stmt.counter}`, "Int", "thread", stmt.counter);
  out.counters.set(stmt.counter, [...(out.counters.get(stmt.counter) ?? []), printTerm(symbol)]);
  const context: LoopContext = {
    id: out.nextLoop++,
    counter: stmt.counter,
    symbol: printTerm(symbol),
    step: stmt.step,
    lo,
    hi,
    aligned,
    waveAligned: containsBarrier(stmt.body),
    decided,
  };
  run.env = new Map(env).set(stmt.counter, symbol);
  havoc(run, stmt.body, carried);
  run.loops = [...loops, context];
  run.nodes = [];
  if (decided) {
    const text = `${printExpr(stmt.lo)} and ${printExpr(stmt.hi)}, the bounds of ${stmt.counter}`;
    run.decisions = [...decisions, { path, loops, terms: [lo, hi], text }];
  }
  const range = `iterations of the loop over ${stmt.counter}`;
  run.path = [
    ...path,
    ...[within(lo, symbol, hi), ...onStride(run, lo, symbol, stmt.step)].map(
      (term): PathStep => ({ kind: "guard", term: from(run.scope, range, term, stmt.span) }),
    ),
  ];
  run.path = [...run.path, ...invariantFacts(run, stmt, symbol)];
  const next = add(symbol, numeral(stmt.step));
  run.computed.push({
    ...siteOf(run, stmt.span),
    term: next,
    text: `${stmt.counter} + ${stmt.step}`,
    owner: run.owner,
    statement: run.statement,
  });
  const start = run.intervals.current;
  executeBlock(run, out, stmt.body);
  joinIntervals(run.intervals, start, run.intervals.current);
  checkInvariants(run, out.invariants, stmt, next, "is kept by each iteration");
  nodes.push({ kind: "loop", context, body: run.nodes });

  Object.assign(run, { path, loops, decisions, nodes });
  run.env = new Map(env);
  havoc(run, stmt.body, carried);
  if (stmt.invariants.length > 0) {
    const exit = fresh(run.scope, `exit.${stmt.counter}`, "Int", "thread");
    const bounds = [le(lo, exit), le(hi, exit), or(eq(exit, lo), lt(sub(exit, numeral(stmt.step)), hi))];
    const ended = [...bounds, ...onStride(run, lo, exit, stmt.step)].map((term) =>
      fact(from(run.scope, `end of the loop over ${stmt.counter}`, term, stmt.span)),
    );
    run.path = [...path, ...ended, ...invariantFacts(run, stmt, exit)];
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

/** `value − lo` is a multiple of the step. */
function onStride(run: Execution, lo: Term, value: Term, step: bigint): readonly Term[] {
  if (step === 1n) return [];
  return [eq(divide(run.scope, sub(value, lo), numeral(step)).remainder, "0")];
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
