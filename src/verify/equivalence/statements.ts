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
import { addresses, evaluate, map } from "./expressions.ts";
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
        const value = evaluate(machine, stmt.value, lanes);
        const before = machine.locals.get(stmt.name);
        const column = before === undefined ? new Array<Value>(machine.threads).fill(0) : [...before];
        for (const t of lanes) column[t] = value[t] ?? 0;
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
  const value = evaluate(machine, stmt.value, lanes);
  const memory = memoryOf(machine, stmt.array.name);
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
  const value = evaluate(machine, stmt.value, lanes);
  const memory = memoryOf(machine, stmt.array.name);
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
  const condition = evaluate(machine, stmt.cond, lanes);
  const yes = lanes.filter((t) => condition[t] !== false);
  const no = lanes.filter((t) => condition[t] !== true);
  const both = lanes.filter((t) => condition[t] instanceof Symbolic);
  if (both.length === 0) {
    execute(machine, stmt.then, yes, guards);
    execute(machine, stmt.else, no, guards);
    return;
  }
  const narrowed = (holds: boolean): Column =>
    map(machine, lanes, (t) => {
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
        return column === undefined ? [] : [[name, column]];
      }),
    );
  const before = snapshot();
  execute(machine, stmt.then, yes, narrowed(true));
  const then = snapshot();
  for (const [name, column] of before) {
    const back = [...(locals.get(name) ?? column)];
    for (const t of both) back[t] = column[t] ?? 0;
    locals.set(name, back);
  }
  execute(machine, stmt.else, no, narrowed(false));
  for (const name of before.keys()) {
    const merged = [...(locals.get(name) ?? [])];
    const type = machine.localTypes.get(name) ?? "int";
    for (const t of both) merged[t] = choose(reals, type, condition[t], then.get(name)?.[t], merged[t]);
    locals.set(name, merged);
  }
}

function loop(machine: Machine, stmt: ForStmt, lanes: readonly number[], guards: Column): void {
  const step = Number(stmt.step);
  const bound = (expr: Expr): Column => {
    const column = evaluate(machine, expr, lanes);
    if (lanes.some((t) => typeof column[t] !== "number")) {
      throw new Unsupported(`the bound ${printExpr(expr)} of a loop depends on floats`, expr.span);
    }
    return column;
  };
  const [lo, hi] = [bound(stmt.lo), bound(stmt.hi)];
  let running = lanes.filter((t) => numberAt(lo, t) < numberAt(hi, t));
  let counter: Column = lo;
  while (running.length > 0) {
    machine.locals.set(stmt.counter, counter);
    execute(machine, stmt.body, running, guards);
    const next = [...counter];
    for (const t of running) next[t] = numberAt(counter, t) + step;
    counter = next;
    running = running.filter((t) => numberAt(next, t) < numberAt(hi, t));
  }
}

/** Runs one block. Shared and register arrays start without values. */
export function executeBlock(machine: Machine, body: readonly Stmt[], local: readonly Memory[]): void {
  machine.locals.clear();
  for (const memory of local) forget(machine, memory);
  const lanes = Array.from({ length: machine.threads }, (_, t) => t);
  execute(machine, body, lanes, new Array<Value>(machine.threads).fill(true));
}
