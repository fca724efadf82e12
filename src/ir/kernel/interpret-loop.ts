/**
 * Loops of the interpreter, whole or restricted to some iterations.
 *
 * A restricted run exists to replay a witness in a loop that is too long to run. It must report nothing that a whole run
 * would not do. So once an iteration has been left out, what depends on it is unknown: the run ends where an integer or
 * boolean local that the loop assigns would be carried over the gap, where a float is compared, or where an integer is
 * read from memory that the kernel writes; a gap in a loop with a barrier counts as one.
 */

import type { Expr } from "./expr.ts";
import type { Code } from "./interpret-arrays.ts";
import { type BoolCode, compileCondition, compileNumber, type Names, slotOf } from "./interpret-expr.ts";
import {
  evaluateSpecification,
  exactRange,
  type Machine,
  report,
  Stopped,
  settleInt,
  startEpoch,
  tick,
} from "./interpret-machine.ts";
import { printExpr } from "./print.ts";
import type { BarrierScope, ForStmt } from "./types.ts";
import { assignedLocals, containsBarrier, visitStmts } from "./walk.ts";

/** Where one thread stands in a loop. */
export interface Progress {
  counter: number;
  readonly hi: number;
}

/** A loop of the running thread. */
export interface Loop {
  /** Evaluates the bounds. */
  readonly start: () => Progress;
  /** Goes on to the first iteration that is to be run; absent where all are. */
  readonly jump: ((progress: Progress) => void) | undefined;
  /** Tests the bound, and checks the invariants. */
  readonly enters: (progress: Progress) => boolean;
  /** Increments the counter, and goes on to the next iteration that is to be run. */
  readonly advance: (progress: Progress) => void;
}

export function compileLoop(names: Names, stmt: ForStmt): Loop {
  const { machine } = names;
  const slot = slotOf(names, stmt.counter);
  const [lo, hi] = [compileNumber(names, stmt.lo), compileNumber(names, stmt.hi)];
  const increment = compileIncrement(names, stmt);
  const hold = compileInvariants(names, stmt);
  const jump = compileJump(names, stmt);
  return {
    jump,
    start: () => ({ counter: lo(), hi: hi() }),
    enters: ({ counter, hi: bound }) => {
      machine.frames[machine.base + slot] = counter;
      hold(counter);
      return counter < bound;
    },
    advance: (progress) => {
      progress.counter = increment(progress.counter);
      if (!jump) return;
      // The bound is tested here too, whether or not the next iteration is run.
      machine.frames[machine.base + slot] = progress.counter;
      hold(progress.counter);
      jump(progress);
    },
  };
}

/** The loop with its body, for the running thread. */
export function runLoop({ machine }: Names, loop: Loop, body: Code): Code {
  return () => {
    const progress = loop.start();
    loop.jump?.(progress);
    const depth = machine.turns.push(0) - 1;
    while (loop.enters(progress)) {
      tick(machine, 1);
      body();
      loop.advance(progress);
      machine.turns[depth] = (machine.turns[depth] ?? 0) + 1;
    }
    machine.turns.length = depth;
  };
}

function compileIncrement({ machine }: Names, stmt: ForStmt): (counter: number) => number {
  const { max } = exactRange(machine.width);
  const step = Number(stmt.step);
  return (counter) => {
    const next = counter + step;
    if (next <= max) return next;
    return settleInt(machine, stmt, BigInt(counter) + stmt.step, () => `${stmt.counter} + ${stmt.step}`);
  };
}

function compileInvariants(names: Names, stmt: ForStmt): (counter: number) => void {
  const { machine } = names;
  if (!machine.checks || stmt.invariants.length === 0) return () => undefined;
  const invariants = stmt.invariants.map((expr): { readonly expr: Expr; readonly holds: BoolCode } => ({
    expr,
    holds: compileCondition({ ...names, specification: expr }, expr),
  }));
  return (counter) => {
    for (const { expr, holds } of invariants) {
      if (evaluateSpecification(holds) !== false) continue;
      const message = (): string => `breaks the invariant ${printExpr(expr)} at ${stmt.counter} = ${counter}`;
      report(machine, "invariant", expr, message);
    }
  };
}

/** Moves the counter to the next iteration that is to be run; absent where all are. */
function compileJump(names: Names, stmt: ForStmt): ((progress: Progress) => void) | undefined {
  const { machine } = names;
  const listed = machine.iterations.get(stmt.counter);
  if (listed === undefined) return undefined;
  const chosen = [...new Set(listed)].sort((a, b) => a - b);
  const carries = carriesState(stmt);
  const scope = containsBarrier(stmt.body, "block") ? "block" : containsBarrier(stmt.body) ? "wave" : undefined;
  const step = Number(stmt.step);
  const increment = compileIncrement(names, stmt);
  return (progress) => {
    const { counter, hi } = progress;
    if (counter >= hi) return;
    // Distances between larger numbers may not be exact.
    if (!Number.isSafeInteger(counter) || !Number.isSafeInteger(hi)) throw new Stopped("run");
    const next = chosen.find((value) => value >= counter && value < hi && (value - counter) % step === 0);
    if (next === counter) return;
    const exit = counter + Math.ceil((hi - counter) / step) * step;
    // Whatever its iterations do, a loop ends where its counter leaves the range: that increment is not skipped.
    increment(exit - step);
    skip(machine, carries, scope);
    progress.counter = next ?? exit;
  };
}

function skip(machine: Machine, carries: boolean, scope: BarrierScope | undefined): void {
  machine.skipped = true;
  if (carries) throw new Stopped("run");
  if (scope !== undefined) startEpoch(machine, scope);
}

/** The body assigns an integer or boolean that was declared before the loop. */
function carriesState({ body }: ForStmt): boolean {
  const declared = new Set<string>();
  const floats = new Set<string>();
  visitStmts(body, (stmt) => {
    if (stmt.kind === "let") declared.add(stmt.name);
    if (stmt.kind === "assign" && stmt.type === "f32") floats.add(stmt.name);
  });
  return [...assignedLocals(body)].some((name) => !declared.has(name) && !floats.has(name));
}
