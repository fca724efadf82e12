/**
 * Statements of the interpreter: a kernel's body → a closure that runs the running block.
 *
 * A statement that contains a barrier or a collective is run by all *active* threads of the block in step: conditions and bounds are
 * evaluated for each of them, and the block of statements is run by those that take it. The statements between run thread
 * by thread, which no program without a race can tell from running at once.
 *
 * A loop evaluates lo, then hi, then tests. Whenever the bound is tested its invariants must hold, and the increment after
 * each iteration is an integer of the machine, the last one included.
 */

import { InternalError } from "../../support/result.ts";
import type { ScalarType } from "./elements.ts";
import type { Expr } from "./expr.ts";
import { type Code, compileStore } from "./interpret-arrays.ts";
import { arrayOf, compileCondition, compileNumber, type Names, slotOf } from "./interpret-expr.ts";
import { compileLoop, type Progress, runLoop } from "./interpret-loop.ts";
import { enterThread, type Machine, Stopped, startEpoch, tick } from "./interpret-machine.ts";
import { compileFragment, compileMma, expectAll } from "./interpret-matrix.ts";
import { compileAtomic, compileVector } from "./interpret-memory.ts";
import { layoutOf } from "./matrix.ts";
import type { BarrierStmt, ForStmt, IfStmt, StepsStmt, Stmt, StoreStmt } from "./types.ts";
import { runsTogether } from "./walk.ts";

/** Runs the threads of these numbers, which ascend. */
export type GroupCode = (active: readonly number[]) => void;

/** Runs a block of statements for all active threads: in step where it contains barriers, else thread by thread. */
export function compileGroup(names: Names, body: readonly Stmt[]): GroupCode {
  const parts: GroupCode[] = [];
  let between: Stmt[] = [];
  const flush = (): void => {
    if (between.length > 0) parts.push(eachThread(names.machine, compileThread(names, between)));
    between = [];
  };
  for (const stmt of body) {
    if (runsTogether([stmt])) {
      flush();
      parts.push(compileInStep(names, stmt));
    } else {
      between.push(stmt);
    }
  }
  flush();
  return (active) => {
    for (const part of parts) part(active);
  };
}

function eachThread(machine: Machine, code: Code): GroupCode {
  return (active) => {
    for (const thread of active) {
      enterThread(machine, thread);
      code();
    }
  };
}

function compileInStep(names: Names, stmt: Stmt): GroupCode {
  switch (stmt.kind) {
    case "barrier":
      return compileBarrier(names.machine, stmt);
    case "fragment":
      return compileFragment(names, names.kernel, stmt, layoutOf(names.kernel));
    case "mma":
      return compileMma(names, stmt, layoutOf(names.kernel));
    case "if":
      return compileIfInStep(names, stmt);
    case "for":
      return compileForInStep(names, stmt);
    case "steps":
      return compileStepsInStep(names, stmt);
    case "let":
    case "assign":
    case "store":
    case "atomic":
    case "vector":
      throw new InternalError(`a ${stmt.kind} is run thread by thread`);
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/** A barrier that a part of the block reaches would wait forever: the block ends there. */
function compileBarrier(machine: Machine, stmt: BarrierStmt): GroupCode {
  return (active) => {
    if (active.length === 0) return;
    expectAll(machine, active, stmt);
    tick(machine, active.length);
    startEpoch(machine, stmt.scope);
  };
}

function compileIfInStep(names: Names, stmt: IfStmt): GroupCode {
  const { machine } = names;
  const cond = compileCondition(names, stmt.cond);
  const [then, otherwise] = [compileGroup(names, stmt.then), compileGroup(names, stmt.else)];
  return (active) => {
    tick(machine, active.length);
    const taken: number[] = [];
    const left: number[] = [];
    for (const thread of active) {
      enterThread(machine, thread);
      (cond() ? taken : left).push(thread);
    }
    if (taken.length > 0) then(taken);
    if (left.length > 0) otherwise(left);
  };
}

function compileForInStep(names: Names, stmt: ForStmt): GroupCode {
  const { machine } = names;
  const loop = compileLoop(names, stmt);
  const body = compileGroup(names, stmt.body);
  return (active) => {
    let running = active.map((thread) => {
      enterThread(machine, thread);
      return { thread, progress: loop.start() };
    });
    if (loop.jump) jumpTogether(machine, loop.jump, running);
    const depth = machine.turns.length;
    for (let turn = 0; ; turn++) {
      machine.turns[depth] = turn;
      running = running.filter(({ thread, progress }) => {
        enterThread(machine, thread);
        return loop.enters(progress);
      });
      if (running.length === 0) {
        machine.turns.length = depth;
        return;
      }
      tick(machine, running.length);
      body(running.map(({ thread }) => thread));
      for (const { thread, progress } of running) {
        enterThread(machine, thread);
        loop.advance(progress);
      }
    }
  };
}

/** Threads are in step by how many iterations they have run: their counters tell that only where they start alike. */
function jumpTogether(
  machine: Machine,
  jump: (progress: Progress) => void,
  running: readonly { readonly thread: number; readonly progress: Progress }[],
): void {
  if (new Set(running.map(({ progress }) => progress.counter)).size > 1) throw new Stopped("run");
  for (const { thread, progress } of running) {
    enterThread(machine, thread);
    jump(progress);
  }
}

function compileStepsInStep(names: Names, { counter, values, body }: StepsStmt): GroupCode {
  const { machine } = names;
  const slot = slotOf(names, counter);
  const group = compileGroup(names, body);
  return (active) => {
    const depth = machine.turns.length;
    for (const [turn, value] of values.entries()) {
      tick(machine, active.length);
      machine.turns[depth] = turn;
      for (const thread of active) machine.frames[thread * machine.frameSize + slot] = Number(value);
      group(active);
    }
    machine.turns.length = depth;
  };
}

/** Runs a block of statements without barriers for the running thread. */
function compileThread(names: Names, body: readonly Stmt[]): Code {
  const { machine } = names;
  const codes = body.map((stmt) => compileStmt(names, stmt));
  const [only] = codes;
  if (only && codes.length === 1) {
    return () => {
      tick(machine, 1);
      only();
    };
  }
  return () => {
    tick(machine, codes.length);
    for (const code of codes) code();
  };
}

function compileStmt(names: Names, stmt: Stmt): Code {
  switch (stmt.kind) {
    case "let":
    case "assign":
      return compileSet(names, stmt.name, stmt.type, stmt.value);
    case "store":
      return compileElementStore(names, stmt);
    case "atomic":
      return compileAtomic(names, stmt);
    case "vector":
      return compileVector(names, stmt);
    case "if": {
      const cond = compileCondition(names, stmt.cond);
      const [then, otherwise] = [compileThread(names, stmt.then), compileThread(names, stmt.else)];
      return () => {
        if (cond()) then();
        else otherwise();
      };
    }
    case "for":
      return runLoop(names, compileLoop(names, stmt), compileThread(names, stmt.body));
    case "steps":
      return compileSteps(names, stmt);
    case "barrier":
    case "fragment":
    case "mma":
      throw new InternalError(`a ${stmt.kind} is run by the whole block`);
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

function compileSet(names: Names, name: string, type: ScalarType, value: Expr): Code {
  const { machine } = names;
  const { frames } = machine;
  const slot = slotOf(names, name);
  if (type === "bool") {
    const code = compileCondition(names, value);
    return () => {
      frames[machine.base + slot] = code() ? 1 : 0;
    };
  }
  const code = compileNumber(names, value);
  return () => {
    frames[machine.base + slot] = code();
  };
}

function compileElementStore(names: Names, stmt: StoreStmt): Code {
  const array = arrayOf(names, stmt.array.name);
  const index = stmt.index.map((i) => compileNumber(names, i));
  return compileStore(names.machine, array, index, compileNumber(names, stmt.value), stmt);
}

function compileSteps(names: Names, { counter, values, body }: StepsStmt): Code {
  const { machine } = names;
  const slot = slotOf(names, counter);
  const code = compileThread(names, body);
  const numbers = values.map(Number);
  return () => {
    const depth = machine.turns.length;
    for (const [turn, value] of numbers.entries()) {
      tick(machine, 1);
      machine.turns[depth] = turn;
      machine.frames[machine.base + slot] = value;
      code();
    }
    machine.turns.length = depth;
  };
}
