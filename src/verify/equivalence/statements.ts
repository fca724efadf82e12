/**
 * Symbolic execution of statements, for all lanes of a block in step.
 *
 * That is one of the orders in which the threads may run. The race obligations say that all orders give the same, so that
 * a barrier has nothing to do. Where a condition depends on floats both branches run: what they assign and store is then
 * chosen by the condition. A loop runs as often as its bounds say, which must not depend on floats.
 */

import { valueType } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import type { AtomicStmt, ForStmt, IfStmt, Stmt, StoreStmt, VectorStmt } from "../../ir/kernel/types.ts";
import { assignedLocals } from "../../ir/kernel/walk.ts";
import { InternalError } from "../../support/result.ts";
import { addresses, type Evaluator, evaluatorOf } from "./expressions.ts";
import {
  type Column,
  choose,
  forget,
  lift,
  lower,
  type Machine,
  type Memory,
  memoryOf,
  numberAt,
  outOfBounds,
  Symbolic,
  spend,
  Unsupported,
  type Value,
  valueAt,
} from "./machine.ts";
import { loadFragment, multiplyFragments, rowAddresses } from "./matrix.ts";

/** `guards` by lane: `true`, or the condition on floats under which it runs. */
export function execute(machine: Machine, body: readonly Stmt[], lanes: readonly number[], guards: Column): void {
  if (lanes.length === 0) return;
  for (const stmt of body) {
    machine.reached.add(stmt);
    spend(machine, lanes.length, stmt.span);
    switch (stmt.kind) {
      case "let":
      case "assign": {
        const value = evaluatorOf(stmt.value);
        const column = machine.locals.get(stmt.name) ?? new Array<Value>(machine.threads).fill(0);
        for (const t of lanes) column[t] = value(machine, t);
        machine.locals.set(stmt.name, column);
        machine.localTypes.set(stmt.name, stmt.value.type);
        break;
      }
      case "store":
        store(machine, stmt, lanes, guards);
        break;
      case "atomic":
        atomic(machine, stmt, lanes, guards);
        break;
      case "vector":
        vector(machine, stmt, lanes, guards);
        break;
      case "fragment":
        loadFragment(machine, stmt, lanes, guards);
        break;
      case "mma":
        multiplyFragments(machine, stmt, lanes, guards);
        break;
      case "if":
        branch(machine, stmt, lanes, guards);
        break;
      case "for":
        loop(machine, stmt, lanes, guards);
        break;
      case "steps":
        for (const value of stmt.values) {
          machine.locals.set(stmt.counter, new Array<Value>(machine.threads).fill(Number(value)));
          execute(machine, stmt.body, lanes, guards);
        }
        break;
      case "barrier":
        break;
      default:
        stmt satisfies never;
        throw new InternalError("unknown statement");
    }
  }
}

function store(machine: Machine, stmt: StoreStmt, lanes: readonly number[], guards: Column): void {
  const memory = memoryOf(machine, stmt.array.name);
  const value = columnOver(machine, lanes, evaluatorOf(stmt.value));
  const places = addresses(machine, memory, stmt.index, lanes);
  for (const t of lanes) write(machine, memory, places[t] ?? -1, value[t], guards[t], stmt);
}

function write(
  machine: Machine,
  memory: Memory,
  place: number,
  value: Value | undefined,
  guard: Value | undefined,
  stmt: Stmt,
): void {
  if (place < 0) return;
  const type = valueType(memory.element);
  memory.values[place] =
    guard === true && value !== undefined
      ? value
      : choose(machine.reals, type, guard, value, valueAt(machine, memory, place));
  memory.writers[place] = stmt;
}

function atomic(machine: Machine, stmt: AtomicStmt, lanes: readonly number[], guards: Column): void {
  const memory = memoryOf(machine, stmt.array.name);
  const value = columnOver(machine, lanes, evaluatorOf(stmt.value));
  const places = addresses(machine, memory, stmt.index, lanes);
  for (const t of lanes) {
    const place = places[t] ?? -1;
    const [before, own] = [valueAt(machine, memory, place), value[t]];
    if (place < 0) continue;
    if (typeof before !== "number" || typeof own !== "number" || guards[t] !== true) {
      throw new Unsupported(`an atomic change of ${memory.name} depends on floats`, stmt.span);
    }
    memory.values[place] = atomicResult(stmt, memory, before, own);
    memory.writers[place] = stmt;
  }
}

function atomicResult(stmt: AtomicStmt, memory: Memory, before: number, own: number): number {
  switch (stmt.op) {
    case "min":
      return Math.min(before, own);
    case "max":
      return Math.max(before, own);
    case "add": {
      const sum = before + own;
      const fits = memory.element === "u32" ? sum >= 0 && sum < 2 ** 32 : Math.abs(sum) < 2 ** 31;
      if (!fits) throw new Unsupported(`a sum of ${memory.name} wraps`, stmt.span);
      return sum;
    }
    default:
      stmt.op satisfies never;
      throw new InternalError("unknown atomic operation");
  }
}

function vector(machine: Machine, stmt: VectorStmt, lanes: readonly number[], guards: Column): void {
  const registers = memoryOf(machine, stmt.registers.array);
  const rows = rowAddresses(machine, stmt.registers, lanes);
  const memory = memoryOf(machine, stmt.array.name);
  const places = addresses(machine, memory, stmt.index, lanes);
  for (const t of lanes) {
    const first = places[t] ?? -1;
    for (let lane = 0; lane < Number(stmt.lanes); lane++) {
      const own = (rows[t] ?? 0) + lane;
      const place = first < 0 ? -1 : first + lane;
      if (stmt.direction === "store") write(machine, memory, place, valueAt(machine, registers, own), guards[t], stmt);
      else
        write(
          machine,
          registers,
          own,
          valueAt(machine, memory, place) ?? outOfBounds(machine, memory),
          guards[t],
          stmt,
        );
    }
  }
}

function branch(machine: Machine, stmt: IfStmt, lanes: readonly number[], guards: Column): void {
  const { reals, locals } = machine;
  const condition = columnOver(machine, lanes, evaluatorOf(stmt.cond));
  const yes = lanes.filter((t) => condition[t] !== false);
  const no = lanes.filter((t) => condition[t] !== true);
  if (yes.length + no.length === lanes.length) {
    execute(machine, stmt.then, yes, guards);
    execute(machine, stmt.else, no, guards);
    return;
  }
  const both = lanes.filter((t) => condition[t] instanceof Symbolic);
  const narrowed = (holds: boolean): Column =>
    columnOver(machine, lanes, (_, t) => {
      const [own, guard] = [condition[t], guards[t] ?? true];
      if (!(own instanceof Symbolic)) return guard;
      const side = holds ? own.real : reals.not(own.real);
      return guard === true ? new Symbolic(side) : lower(reals, reals.and(lift(reals, guard), side), "bool");
    });
  const names = [...new Set([...assignedLocals(stmt.then), ...assignedLocals(stmt.else)])];
  const snapshot = (): ReadonlyMap<string, Column> =>
    new Map(
      names.flatMap((name) => {
        const column = locals.get(name);
        return column === undefined ? [] : [[name, [...column]]];
      }),
    );
  const before = snapshot();
  execute(machine, stmt.then, yes, narrowed(true));
  const then = snapshot();
  for (const [name, column] of before) {
    const own = localOf(machine, name);
    for (const t of both) own[t] = column[t] ?? 0;
  }
  execute(machine, stmt.else, no, narrowed(false));
  for (const name of before.keys()) {
    const own = localOf(machine, name);
    const type = machine.localTypes.get(name) ?? "int";
    for (const t of both) own[t] = choose(reals, type, condition[t], then.get(name)?.[t], own[t]);
  }
}

function loop(machine: Machine, stmt: ForStmt, lanes: readonly number[], guards: Column): void {
  const step = Number(stmt.step);
  const bound = (expr: Expr): Value[] => {
    const column = columnOver(machine, lanes, evaluatorOf(expr));
    if (lanes.some((t) => typeof column[t] !== "number")) {
      throw new Unsupported(`the bound ${printExpr(expr)} of a loop depends on floats`, expr.span);
    }
    return column;
  };
  const [counter, hi] = [bound(stmt.lo), bound(stmt.hi)];
  const isBelow = (t: number): boolean => numberAt(counter, t) < numberAt(hi, t);
  let running = lanes.filter(isBelow);
  while (running.length > 0) {
    machine.locals.set(stmt.counter, counter);
    execute(machine, stmt.body, running, guards);
    for (const t of running) counter[t] = numberAt(counter, t) + step;
    if (!running.every(isBelow)) running = running.filter(isBelow);
  }
}

function localOf({ locals }: Machine, name: string): Value[] {
  const column = locals.get(name);
  if (column === undefined) throw new InternalError(`the local ${name} has no value`);
  return column;
}

/** Values of lanes; before any of them is used, all are there. */
function columnOver(machine: Machine, lanes: readonly number[], evaluate: Evaluator): Value[] {
  const column = new Array<Value>(machine.threads).fill(0);
  for (const t of lanes) column[t] = evaluate(machine, t);
  return column;
}

/** Runs one block. Shared and register arrays start without values. */
export function executeBlock(machine: Machine, body: readonly Stmt[], local: readonly Memory[]): void {
  machine.locals.clear();
  for (const memory of local) forget(machine, memory);
  const lanes = Array.from({ length: machine.threads }, (_, t) => t);
  execute(machine, body, lanes, new Array<Value>(machine.threads).fill(true));
}
