/**
 * Kernel statements → C, for one thread.
 *
 * Both targets use this: HIP for the whole body, the CPU for what stands between barriers. A `StmtContext` says where the
 * thread's values live, and what a barrier and an unrolled loop look like.
 */

import type { ScalarType } from "../../ir/kernel/elements.ts";
import type { Expr } from "../../ir/kernel/expr.ts";
import { fragmentAccesses } from "../../ir/kernel/matrix.ts";
import type {
  AssignStmt,
  AtomicStmt,
  BarrierScope,
  ForStmt,
  FragmentStmt,
  LetStmt,
  MmaStmt,
  StepsStmt,
  Stmt,
  VectorStmt,
} from "../../ir/kernel/types.ts";
import { visitExpr } from "../../ir/kernel/walk.ts";
import { InternalError } from "../../support/result.ts";
import {
  assign,
  binary,
  type CAssignOp,
  type CDeclare,
  type CExpr,
  type CStmt,
  type CType,
  call,
  cast,
  constant,
  declare,
  integer,
  loop,
  name,
  run,
  type,
  unary,
  when,
} from "./c-ast.ts";
import { ELEMENT_C, elementOf, type Frame, INDEX, lowerElement, lowerExpr, lowerRow, type Place } from "./expr.ts";
import { lowerLaneLoop, lowerTransposition } from "./lanes.ts";

export interface StmtContext {
  readonly frame: Frame;
  readonly place: Place;
  /** Locals that live in an array declared elsewhere, so that their `let` is an assignment. */
  readonly stored: ReadonlySet<string>;
  readonly barrier: Readonly<Record<BarrierScope, readonly CStmt[]>>;
  /** What stands before a loop that asks to be unrolled. */
  readonly unroll: readonly CStmt[];
  /** What multiplies fragments, where the threads of a wave run together. */
  readonly mma: (stmt: MmaStmt) => readonly CStmt[];
}

export const SCALAR_C: Readonly<Record<ScalarType, CType>> = { f32: ELEMENT_C.f32, int: INDEX, bool: type("bool") };

export function lowerStmts(body: readonly Stmt[], context: StmtContext): readonly CStmt[] {
  return body.flatMap((stmt) => lowerStmt(stmt, context));
}

function lowerStmt(stmt: Stmt, context: StmtContext): readonly CStmt[] {
  const { frame, place } = context;
  switch (stmt.kind) {
    case "let":
      return [lowerLet(stmt, context)];
    case "assign":
      return [lowerAssign(stmt, context)];
    case "store": {
      const element = elementOf(stmt.array, frame);
      const value = lowerExpr(stmt.value, frame, place);
      // That the integer fits the element type is proved.
      const stored = element === "f32" ? value : cast(ELEMENT_C[element], value);
      return [assign(lowerElement(stmt.array, stmt.index, frame, place), stored)];
    }
    case "atomic":
      return [lowerAtomic(stmt, context)];
    case "vector":
      return [lowerVector(stmt, context)];
    case "if": {
      const then = lowerStmts(stmt.then, context);
      const otherwise = lowerStmts(stmt.else, context);
      const cond = lowerExpr(stmt.cond, frame, place);
      if (then.length === 0 && otherwise.length === 0) return [];
      return [then.length === 0 ? when(unary("!", cond), otherwise) : when(cond, then, otherwise)];
    }
    case "for": {
      const lanes = lowerLaneLoop(stmt, frame, place) ?? lowerTransposition(stmt, frame, place);
      if (lanes !== undefined) return lanes;
      const { before, build } = forLoop(stmt, frame, place);
      return [...before, ...(stmt.unroll ? context.unroll : []), build(lowerStmts(stmt.body, context))];
    }
    case "steps":
      return stepsLoop(stmt, frame, lowerStmts(stmt.body, context));
    case "fragment":
      return [lowerFragment(stmt, context)];
    case "mma":
      return context.mma(stmt);
    case "barrier":
      return context.barrier[stmt.scope];
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/** `tok_atomic_add_global<int32_t>(&counts[e], 1);`: the space decides how far the step is seen. */
function lowerAtomic({ op, array, index, value }: AtomicStmt, { frame, place }: StmtContext): CStmt {
  const element = ELEMENT_C[elementOf(array, frame)];
  const target = unary("&", lowerElement(array, index, frame, place));
  // The template parameter converts the value; that it fits the element type is proved.
  return run(call(`tok_atomic_${op}_${array.space}`, [target, lowerExpr(value, frame, place)], [element]));
}

/** `tok_load_vector(v, &x[b * K + k]);` */
function lowerVector({ direction, registers, array, index }: VectorStmt, { frame, place }: StmtContext): CStmt {
  const memory = unary("&", lowerElement(array, index, frame, place));
  const row = lowerRow(registers, frame, place);
  const args = direction === "load" ? [row, memory] : [memory, row];
  return run(call(`tok_${direction}_vector`, args));
}

/** `tok_load_fragment(a[i], &xs[row][k]);`: the lane's elements of a tile, which are neighbours. */
function lowerFragment(stmt: FragmentStmt, { frame, place }: StmtContext): CStmt {
  const [first] = fragmentAccesses(frame.kernel, stmt);
  if (first === undefined) throw new InternalError("a fragment without elements");
  const memory = unary("&", lowerElement(stmt.array, first.index, frame, place));
  return run(call("tok_load_fragment", [lowerRow(stmt.target, frame, place), memory]));
}

function lowerLet(stmt: LetStmt, { frame, place, stored }: StmtContext): CStmt {
  const value = lowerExpr(stmt.value, frame, place);
  if (stored.has(stmt.name)) return assign(place.local(stmt.name), value);
  const scalar = SCALAR_C[stmt.type];
  const unused = !frame.used.has(stmt.name);
  return declare(stmt.mutable ? scalar : constant(scalar), frame.names.value(stmt.name), value, { unused });
}

const COMPOUND: Readonly<Record<string, CAssignOp>> = { add: "+=", sub: "-=", mul: "*=" };

/** `acc = acc + e` is written `acc += e`: the same operation on the same operands. */
function lowerAssign(stmt: AssignStmt, { frame, place }: StmtContext): CStmt {
  const target = place.local(stmt.name);
  const { value } = stmt;
  if ((value.kind === "int-op" || value.kind === "float-op") && isLocal(value.left, stmt.name)) {
    const op = COMPOUND[value.op];
    if (op !== undefined) return assign(target, lowerExpr(value.right, frame, place), op);
  }
  return assign(target, lowerExpr(value, frame, place));
}

function isLocal(expr: Expr, wanted: string): boolean {
  return expr.kind === "local" && expr.name === wanted;
}

/**
 * A loop's head, given the C of its body. The bound is evaluated once, before the loop; where the body might change what
 * it reads, it gets a variable of its own.
 */
export function forLoop(
  stmt: ForStmt,
  frame: Frame,
  place: Place,
): { readonly before: readonly CDeclare[]; readonly build: (body: readonly CStmt[]) => CStmt } {
  const counter = frame.names.value(stmt.counter);
  const hoisted = !isStable(stmt.hi, frame);
  const value = lowerExpr(stmt.hi, frame, place);
  const bound = hoisted ? name(frame.names.bound(stmt.counter)) : value;
  const before = hoisted ? [declare(constant(INDEX), frame.names.bound(stmt.counter), value)] : [];
  const init = declare(INDEX, counter, lowerExpr(stmt.lo, frame, place));
  const build = (body: readonly CStmt[]): CStmt =>
    loop(init, binary("<", name(counter), bound), advance(counter, stmt.step), body);
  return { before, build };
}

/** Whether the expression has the same value wherever in its scope it is evaluated. */
export function isStable(expr: Expr, frame: Frame): boolean {
  let stable = true;
  visitExpr(expr, (inner) => {
    if (inner.kind === "load" || (inner.kind === "local" && frame.mutable.has(inner.name))) stable = false;
  });
  return stable;
}

function advance(counter: string, step: bigint): CExpr {
  if (step === 1n) return unary("++", name(counter));
  return { kind: "assign", op: "+=", left: name(counter), right: integer(step) };
}

/** `for (Index s = 128; s >= 1; s /= 2)`; a block per value where no such loop gives exactly these values. */
export function stepsLoop(stmt: StepsStmt, frame: Frame, body: readonly CStmt[]): readonly CStmt[] {
  const { values } = stmt;
  const counter = frame.names.value(stmt.counter);
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { op, factor } = stmt.update;
  if (!isLoopable(stmt)) {
    const unused = !frame.used.has(stmt.counter);
    return values.map((value) => ({
      kind: "block",
      body: [declare(constant(INDEX), counter, integer(value), { unused }), ...body],
    }));
  }
  const cond = binary(op === "div" ? ">=" : "<=", name(counter), integer(last));
  const update: CExpr = { kind: "assign", op: op === "div" ? "/=" : "*=", left: name(counter), right: integer(factor) };
  return [loop(declare(INDEX, counter, integer(first)), cond, update, body)];
}

/** The counter's exit value has to fit 32 bits too, and division has to pass below the last value. */
const MAX_EXIT = 2n ** 31n - 1n;

function isLoopable({ values, update: { op, factor } }: StepsStmt): boolean {
  if (factor < 2n || values.some((value) => value < 1n)) return false;
  const next = (value: bigint): bigint => (op === "div" ? value / factor : value * factor);
  if (values.some((value, position) => position > 0 && value !== next(values[position - 1] ?? 0n))) return false;
  return values.every((value) => next(value) <= MAX_EXIT);
}
