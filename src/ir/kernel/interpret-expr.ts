/**
 * Expressions of the interpreter: each is compiled once to a closure that evaluates it for the running thread.
 *
 * Semantics:
 * - An `int` is a mathematical integer, held in a double while that is exact. `+`, `-` and `*` that leave the index width
 *   are faults; so is `div` or `mod` by a value ≤ 0, which gives 0.
 * - An `f32` is a float that each operation rounds (`float32.ts`). A comparison with NaN is false, but for `!==`. A cast
 *   rounds to the nearest float, `f16`, `bf16` and `stochasticRound` to one that the format holds.
 * - `&&`, `||` and `select` evaluate from left to right and only as far as needed.
 * - A specification (an invariant, a condition on data) is not evaluated by the machine: its integers are held to no
 *   width, and its reads are no accesses (`interpret-ghost.ts`).
 */

import { roundAtRandom, roundToNearest } from "../../support/half-formats.ts";
import { randomBits } from "../../support/philox.ts";
import { InternalError } from "../../support/result.ts";
import { foldInt } from "./build.ts";
import type { CallExpr, CompareExpr, CompareOp, Expr, IndexExpr, IntBinary } from "./expr.ts";
import { FLOAT_FUNCTION, FLOAT_OP } from "./float32.ts";
import { compileLoad, type NumberCode, type RunArray } from "./interpret-arrays.ts";
import { compileGhost, compileSpecificationLoad } from "./interpret-ghost.ts";
import {
  exactRange,
  type FaultSite,
  type Machine,
  report,
  Stopped,
  settleInt,
  Unspecified,
} from "./interpret-machine.ts";
import { printExpr } from "./print.ts";
import type { Kernel } from "./types.ts";

export type BoolCode = () => boolean;

/** What names stand for in this run. */
export interface Names {
  readonly kernel: Kernel;
  readonly machine: Machine;
  /** Each local's place in a thread's frame; booleans are kept there as 0 and 1. */
  readonly slots: ReadonlyMap<string, number>;
  readonly arrays: ReadonlyMap<string, RunArray>;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
  /** The specification that is compiled, whose faults show there; absent for what the machine runs. */
  readonly specification: FaultSite | undefined;
}

/** Evaluates an `int` or `f32` expression. */
export function compileNumber(names: Names, expr: Expr): NumberCode {
  const { machine } = names;
  switch (expr.kind) {
    case "int":
      return compileConstant(names, expr, expr.value);
    case "float":
      return constant(Math.fround(expr.value));
    case "dim": {
      const size = names.dims[expr.name];
      if (size === undefined) throw new InternalError(`the dimension ${expr.name} has no size`);
      return compileConstant(names, expr, size);
    }
    case "scalar": {
      const value = names.scalars[expr.name];
      if (value === undefined) throw new InternalError(`the scalar ${expr.name} has no value`);
      return expr.type === "f32" ? constant(Math.fround(value)) : compileConstant(names, expr, BigInt(value));
    }
    case "local": {
      const slot = slotOf(names, expr.name);
      const { frames } = machine;
      return () => frames[machine.base + slot] ?? 0;
    }
    case "index":
      return compileIndex(machine, expr);
    case "neg": {
      const value = compileNumber(names, expr.value);
      return expr.type === "f32" ? () => -value() : compileNegation(names, expr, value);
    }
    case "int-op":
      return compileIntOp(names, expr);
    case "float-op": {
      const [left, right] = [compileNumber(names, expr.left), compileNumber(names, expr.right)];
      const apply = FLOAT_OP[expr.op];
      return () => apply(left(), right());
    }
    case "select": {
      const cond = compileCondition(names, expr.cond);
      const [then, otherwise] = [compileNumber(names, expr.then), compileNumber(names, expr.else)];
      return () => (cond() ? then() : otherwise());
    }
    case "call":
      return compileCall(names, expr);
    case "cast": {
      const value = compileNumber(names, expr.value);
      return () => Math.fround(value());
    }
    case "round": {
      const value = compileNumber(names, expr.value);
      const { to } = expr;
      if (expr.random === undefined) return () => roundToNearest(to, value());
      const random = compileNumber(names, expr.random);
      return () => roundAtRandom(to, value(), random());
    }
    case "random": {
      const args = expr.args.map((argument) => compileNumber(names, argument));
      const [seed = constant(0), stream = constant(0), step = constant(0), index = constant(0)] = args;
      return () => randomBits(seed(), stream(), step(), index());
    }
    case "load": {
      const array = arrayOf(names, expr.array.name);
      const index = expr.index.map((i) => compileNumber(names, i));
      const { specification } = names;
      if (specification === undefined) return compileLoad(machine, array, index, expr);
      return compileSpecificationLoad(machine, array, index, specification);
    }
    case "ghost": {
      const { specification } = names;
      if (specification === undefined) throw new InternalError(`the machine does not evaluate ${printExpr(expr)}`);
      const args = expr.args.map((argument) => compileNumber(names, argument));
      return compileGhost(machine, arrayOf(names, expr.array.name), expr, args, specification);
    }
    case "bool":
    case "not":
    case "compare":
    case "logic":
      throw new InternalError(`a number is meant: ${printExpr(expr)}`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** Evaluates a `bool` expression. */
export function compileCondition(names: Names, expr: Expr): BoolCode {
  switch (expr.kind) {
    case "bool": {
      const { value } = expr;
      return () => value;
    }
    case "local": {
      const slot = slotOf(names, expr.name);
      const { machine } = names;
      const { frames } = machine;
      return () => frames[machine.base + slot] === 1;
    }
    case "not": {
      const value = compileCondition(names, expr.value);
      return () => !value();
    }
    case "compare":
      return compileCompare(names, expr);
    case "logic": {
      const [left, right] = [compileCondition(names, expr.left), compileCondition(names, expr.right)];
      return expr.op === "and" ? () => left() && right() : () => left() || right();
    }
    case "select": {
      const cond = compileCondition(names, expr.cond);
      const [then, otherwise] = [compileCondition(names, expr.then), compileCondition(names, expr.else)];
      return () => (cond() ? then() : otherwise());
    }
    case "int":
    case "float":
    case "dim":
    case "scalar":
    case "index":
    case "neg":
    case "int-op":
    case "float-op":
    case "call":
    case "cast":
    case "round":
    case "random":
    case "load":
    case "ghost":
      throw new InternalError(`a boolean is meant: ${printExpr(expr)}`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function constant(value: number): NumberCode {
  return () => value;
}

export function arrayOf(names: Names, name: string): RunArray {
  const array = names.arrays.get(name);
  if (array === undefined) throw new InternalError(`the array ${name} is not declared`);
  return array;
}

export function slotOf(names: Names, name: string): number {
  const slot = names.slots.get(name);
  if (slot === undefined) throw new InternalError(`the local ${name} has no slot`);
  return slot;
}

/** An integer that does not change during a run. It is the machine's only where it is evaluated. */
function compileConstant(names: Names, expr: Expr, exact: bigint): NumberCode {
  const value = Number(exact);
  const { min, max } = rangeOf(names);
  if (value >= min && value <= max) return constant(value);
  return () => settle(names, expr, exact);
}

function compileIndex(machine: Machine, { of, axis }: IndexExpr): NumberCode {
  const codes: Readonly<Record<IndexExpr["of"], readonly [NumberCode, NumberCode, NumberCode]>> = {
    thread: [() => machine.tx, () => machine.ty, () => machine.tz],
    block: [() => machine.bx, () => machine.by, () => machine.bz],
  };
  return codes[of][axis];
}

/** The integers that need no further check. */
function rangeOf({ specification, machine }: Names): { readonly min: number; readonly max: number } {
  return exactRange(specification ? 64 : machine.width);
}

function settle({ specification, machine }: Names, expr: Expr, exact: bigint): number {
  if (specification) throw new Stopped("run");
  return settleInt(machine, expr, exact, () => printExpr(expr));
}

function compileNegation(names: Names, expr: Expr, value: NumberCode): NumberCode {
  const { min, max } = rangeOf(names);
  return () => {
    const a = value();
    // 0 − a rather than −a, since an integer has no negative zero.
    const negated = 0 - a;
    return negated >= min && negated <= max ? negated : settle(names, expr, -BigInt(a));
  };
}

function compileIntOp(names: Names, expr: IntBinary): NumberCode {
  const [left, right] = [compileNumber(names, expr.left), compileNumber(names, expr.right)];
  const { min, max } = rangeOf(names);
  const exactly = (a: number, b: number): number => settle(names, expr, foldInt(expr.op, BigInt(a), BigInt(b)) ?? 0n);
  switch (expr.op) {
    case "add":
      return () => {
        const a = left();
        const b = right();
        const value = a + b;
        return value >= min && value <= max ? value : exactly(a, b);
      };
    case "sub":
      return () => {
        const a = left();
        const b = right();
        const value = a - b;
        return value >= min && value <= max ? value : exactly(a, b);
      };
    case "mul":
      return () => {
        const a = left();
        const b = right();
        // + 0 turns a negative zero into an integer's zero.
        const value = a * b + 0;
        return value >= min && value <= max ? value : exactly(a, b);
      };
    case "div":
      return () => {
        const a = left();
        const b = right();
        if (b <= 0) return divisorFault(names, expr, b);
        return Math.max(Math.abs(a), b) <= Number.MAX_SAFE_INTEGER ? floorDivide(a, b) : exactly(a, b);
      };
    case "mod":
      return () => {
        const a = left();
        const b = right();
        if (b <= 0) return divisorFault(names, expr, b);
        return Math.max(Math.abs(a), b) <= Number.MAX_SAFE_INTEGER ? floorModulo(a, b) : exactly(a, b);
      };
    case "min":
      return () => Math.min(left(), right());
    case "max":
      return () => Math.max(left(), right());
    default:
      expr.op satisfies never;
      throw new InternalError("unknown integer operator");
  }
}

/** ⌊a / b⌋ for b > 0. JavaScript's remainder is exact, and so is the division once it is taken off. */
function floorDivide(a: number, b: number): number {
  const remainder = a % b;
  const quotient = (a - remainder) / b + 0;
  return remainder < 0 ? quotient - 1 : quotient;
}

function floorModulo(a: number, b: number): number {
  const remainder = a % b;
  return remainder < 0 ? remainder + b : remainder + 0;
}

function divisorFault({ specification, machine }: Names, expr: IntBinary, divisor: number): number {
  report(machine, "division", specification ?? expr, () => `divides by ${divisor} in ${printExpr(expr)}`);
  if (specification) throw new Unspecified();
  return 0;
}

function compileCompare(names: Names, expr: CompareExpr): BoolCode {
  const { machine } = names;
  const [left, right] = [compileNumber(names, expr.left), compileNumber(names, expr.right)];
  const code = compareCode(expr.op, left, right);
  if (expr.left.type === "int") return code;
  return () => {
    // Floats that depend on skipped iterations are not those of a whole run, and no decision may rest on them.
    if (machine.skipped) throw new Stopped("run");
    return code();
  };
}

function compareCode(op: CompareOp, left: NumberCode, right: NumberCode): BoolCode {
  switch (op) {
    case "lt":
      return () => left() < right();
    case "le":
      return () => left() <= right();
    case "gt":
      return () => left() > right();
    case "ge":
      return () => left() >= right();
    case "eq":
      return () => left() === right();
    case "ne":
      return () => left() !== right();
    default:
      op satisfies never;
      throw new InternalError("unknown comparison");
  }
}

function compileCall(names: Names, { fn, args }: CallExpr): NumberCode {
  const [a, b, c] = args.map((argument) => compileNumber(names, argument));
  switch (fn) {
    case "exp":
    case "log":
    case "erf":
    case "tanh":
    case "sqrt":
    case "abs": {
      const apply = FLOAT_FUNCTION[fn];
      if (a) return () => apply(a());
      break;
    }
    case "min":
    case "max": {
      const apply = FLOAT_FUNCTION[fn];
      if (a && b) return () => apply(a(), b());
      break;
    }
    case "fma": {
      const apply = FLOAT_FUNCTION[fn];
      if (a && b && c) return () => apply(a(), b(), c());
      break;
    }
    default:
      fn satisfies never;
  }
  throw new InternalError(`${fn} of ${args.length} arguments`);
}
