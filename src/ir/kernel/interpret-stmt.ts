/**
 * Statements of the reference interpreter: a kernel's body → a closure that runs one block.
 *
 * A statement is compiled in one of two ways: for one thread, when it contains no barrier, else for all active threads
 * of the block at once.
 */

import { InternalError } from "../../support/result.ts";
import { compileBoolean, compileExpr, compileLocation, compileNumber, type Names } from "./interpret-expr.ts";
import { ELEMENT_RANGE } from "./limits.ts";
import { type Frame, fault, fits, type Machine, step } from "./machine.ts";
import { printExpr } from "./print.ts";
import type { ElementType, ForStmt, IfStmt, Kernel, StepsStmt, Stmt, StoreStmt } from "./types.ts";
import { containsBarrier, visitStmts } from "./walk.ts";

type RunThread = (machine: Machine, frame: Frame) => void;
type RunThreads = (machine: Machine, active: readonly Frame[]) => void;

interface Context extends Names {
  readonly elements: ReadonlyMap<string, ElementType>;
}

export function compileBlock(kernel: Kernel): RunThreads {
  const slots = new Map<string, number>();
  const addSlot = (name: string): void => {
    slots.set(name, slots.size);
  };
  visitStmts(kernel.body, (stmt) => {
    if (stmt.kind === "let") addSlot(stmt.name);
    if (stmt.kind === "for" || stmt.kind === "steps") addSlot(stmt.counter);
  });
  const elements = new Map<string, ElementType>(kernel.arrays.map(({ name, element }) => [name, element]));
  for (const param of kernel.params) if (param.kind === "tensor") elements.set(param.name, param.element);
  const localShapes = new Map(kernel.arrays.map(({ name, shape }) => [name, shape.map(Number)]));
  return compileTogether({ slots, localShapes, ghost: false, elements }, kernel.body);
}

/** For all active threads: those parts that contain a barrier in step, the others thread by thread. */
function compileTogether(context: Context, body: readonly Stmt[]): RunThreads {
  const parts = body.map((stmt): RunThreads => {
    if (containsBarrier([stmt])) return compileInStep(context, stmt);
    const run = compileStmt(context, stmt);
    return (machine, active) => {
      for (const frame of active) run(machine, frame);
    };
  });
  return (machine, active) => {
    for (const part of parts) part(machine, active);
  };
}

function compileInStep(context: Context, stmt: Stmt): RunThreads {
  switch (stmt.kind) {
    case "barrier":
      return (machine, active) => {
        const [first] = active;
        if (first === undefined) return;
        if (active.length < machine.threads) {
          const message = `reaches the barrier with ${active.length} of ${machine.threads} threads`;
          fault(machine, first, "divergence", stmt.span, message);
        }
        machine.epoch++;
      };
    case "if": {
      const cond = compileBoolean(context, stmt.cond);
      const then = compileTogether(context, stmt.then);
      const otherwise = compileTogether(context, stmt.else);
      return (machine, active) => {
        const decided = active.map((frame) => ({ frame, taken: cond(machine, frame) }));
        then(
          machine,
          decided.flatMap(({ frame, taken }) => (taken ? [frame] : [])),
        );
        otherwise(
          machine,
          decided.flatMap(({ frame, taken }) => (taken ? [] : [frame])),
        );
      };
    }
    case "for":
      return compileForInStep(context, stmt);
    case "steps": {
      const body = compileTogether(context, stmt.body);
      const slot = slotOf(context, stmt.counter);
      return (machine, active) => {
        for (const value of stmt.values) {
          for (const frame of active) frame.slots[slot] = Number(value);
          body(machine, active);
        }
      };
    }
    case "let":
    case "assign":
    case "store":
      throw new InternalError("a statement without a barrier is not run in step");
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

function compileForInStep(context: Context, stmt: ForStmt): RunThreads {
  const loop = compileLoop(context, stmt);
  const body = compileTogether(context, stmt.body);
  return (machine, active) => {
    let running = active.map((frame) => ({ frame, hi: loop.start(machine, frame) }));
    for (const { frame } of running) loop.checkInvariants(machine, frame);
    for (;;) {
      running = running.filter(({ frame, hi }) => loop.counter(frame) < hi);
      if (running.length === 0) return;
      const chosen = running.filter(({ frame }) => loop.isChosen(machine, frame)).map(({ frame }) => frame);
      if (chosen.length > 0) body(machine, chosen);
      for (const { frame, hi } of running) {
        loop.advance(machine, frame, hi);
        loop.checkInvariants(machine, frame);
      }
    }
  };
}

function compileThread(context: Context, body: readonly Stmt[]): RunThread {
  const parts = body.map((stmt) => compileStmt(context, stmt));
  return (machine, frame) => {
    for (const part of parts) part(machine, frame);
  };
}

function compileStmt(context: Context, stmt: Stmt): RunThread {
  switch (stmt.kind) {
    case "let":
    case "assign": {
      const value = compileExpr(context, stmt.value);
      const slot = slotOf(context, stmt.name);
      return (machine, frame) => {
        step(machine);
        frame.slots[slot] = value(machine, frame);
      };
    }
    case "store":
      return compileStore(context, stmt);
    case "if":
      return compileIf(context, stmt);
    case "for": {
      const loop = compileLoop(context, stmt);
      const body = compileThread(context, stmt.body);
      return (machine, frame) => {
        const hi = loop.start(machine, frame);
        loop.checkInvariants(machine, frame);
        while (loop.counter(frame) < hi) {
          step(machine);
          if (loop.isChosen(machine, frame)) body(machine, frame);
          loop.advance(machine, frame, hi);
          loop.checkInvariants(machine, frame);
        }
      };
    }
    case "steps":
      return compileSteps(context, stmt);
    case "barrier":
      throw new InternalError("a barrier is run by the whole block");
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

function compileIf(context: Context, stmt: IfStmt): RunThread {
  const cond = compileBoolean(context, stmt.cond);
  const then = compileThread(context, stmt.then);
  const otherwise = compileThread(context, stmt.else);
  return (machine, frame) => {
    step(machine);
    if (cond(machine, frame)) then(machine, frame);
    else otherwise(machine, frame);
  };
}

function compileSteps(context: Context, stmt: StepsStmt): RunThread {
  const body = compileThread(context, stmt.body);
  const slot = slotOf(context, stmt.counter);
  return (machine, frame) => {
    for (const value of stmt.values) {
      step(machine);
      frame.slots[slot] = Number(value);
      body(machine, frame);
    }
  };
}

/** The value, then the index, then the write. */
function compileStore(context: Context, stmt: StoreStmt): RunThread {
  const { array, span } = stmt;
  const value = compileNumber(context, stmt.value);
  const locate = compileLocation(context, array, stmt.index, span, true);
  const element = context.elements.get(array.name);
  const range = element === undefined || element === "f32" ? undefined : ELEMENT_RANGE[element];
  return (machine, frame) => {
    step(machine);
    const stored = value(machine, frame);
    if (range !== undefined && (stored < Number(range.min) || stored > Number(range.max))) {
      const message = `stores ${stored} into ${array.name}, whose ${element} elements do not hold it`;
      fault(machine, frame, "range", span, message, array.name);
    }
    const place = locate(machine, frame);
    if (place === undefined) return;
    if (array.space === "global") {
      const target = machine.globals.get(array.name);
      target?.memory.write(place.index, stored);
      target?.written.add(place.address);
      return;
    }
    const cells = (array.space === "shared" ? machine.shared : frame.registers).get(array.name);
    if (cells !== undefined) cells[place.address] = stored;
  };
}

interface Loop {
  /** Sets the counter and returns the bound. */
  readonly start: (machine: Machine, frame: Frame) => number;
  readonly counter: (frame: Frame) => number;
  /** Whether this iteration is among those that the run is restricted to. */
  readonly isChosen: (machine: Machine, frame: Frame) => boolean;
  /** The exit increment included; jumps over iterations that are left out. */
  readonly advance: (machine: Machine, frame: Frame, hi: number) => void;
  readonly checkInvariants: (machine: Machine, frame: Frame) => void;
}

function compileLoop(context: Context, stmt: ForStmt): Loop {
  const slot = slotOf(context, stmt.counter);
  const [lo, hi] = [compileNumber(context, stmt.lo), compileNumber(context, stmt.hi)];
  const stride = Number(stmt.step);
  const text = (): string => `${stmt.counter} + ${stmt.step}`;
  const invariants = stmt.invariants.map((expr) => ({
    expr,
    holds: compileBoolean({ ...context, ghost: true }, expr),
  }));
  const counter = (frame: Frame): number => Number(frame.slots[slot]);
  return {
    counter,
    start: (machine, frame) => {
      const first = lo(machine, frame);
      frame.slots[slot] = first;
      const bound = hi(machine, frame);
      const chosen = machine.iterations.get(stmt.counter);
      if (chosen !== undefined) frame.slots[slot] = nextChosen(chosen, first, first, stride) ?? Math.max(first, bound);
      return bound;
    },
    isChosen: (machine, frame) => machine.iterations.get(stmt.counter)?.includes(counter(frame)) ?? true,
    advance: (machine, frame) => {
      const current = counter(frame);
      const exact = (): bigint => BigInt(current) + stmt.step;
      const next = fits(machine, frame, current + stride, exact, text, stmt.span);
      const chosen = machine.iterations.get(stmt.counter);
      frame.slots[slot] =
        chosen === undefined ? next : (nextChosen(chosen, next, current, stride) ?? Number.POSITIVE_INFINITY);
    },
    checkInvariants: (machine, frame) => {
      // A restricted run skips iterations, so that what they would have established is missing.
      if (machine.iterations.size > 0) return;
      for (const { expr, holds } of invariants) {
        if (holds(machine, frame)) continue;
        const message = `breaks the invariant ${printExpr(expr)} at ${stmt.counter} = ${counter(frame)}`;
        fault(machine, frame, "invariant", expr.span, message);
      }
    },
  };
}

/** The first chosen iteration at or after `from` that lies on the stride of `anchor`. */
function nextChosen(chosen: readonly number[], from: number, anchor: number, stride: number): number | undefined {
  return chosen.find((value) => value >= from && (value - anchor) % stride === 0);
}

function slotOf(context: Context, name: string): number {
  const slot = context.slots.get(name);
  if (slot === undefined) throw new InternalError(`local ${name} has no slot`);
  return slot;
}
