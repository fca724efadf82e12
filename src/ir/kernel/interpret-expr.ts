/**
 * Expressions of the reference interpreter: each is compiled once to a closure over the machine and a thread's frame.
 *
 * Floats are f32: every operation rounds to the nearest f32 (`Math.fround`). exp, log, erf and tanh are computed in
 * double and rounded once, sqrt is correctly rounded. `min` and `max` are NaN when either side is. A comparison with NaN
 * is false, but for `!==`.
 */

import { erf } from "../../support/erf.ts";
import { InternalError } from "../../support/result.ts";
import { foldCompare } from "./build.ts";
import { exactInt, type Frame, fault, fits, formatTriple, type Machine, machineInt } from "./machine.ts";
import { printExpr } from "./print.ts";
import type { Expr, FloatFunction, LoadExpr } from "./types.ts";

export type Evaluate = (machine: Machine, frame: Frame) => number | boolean;
export type EvaluateNumber = (machine: Machine, frame: Frame) => number;
export type EvaluateBoolean = (machine: Machine, frame: Frame) => boolean;

/** What compilation knows of names: the slot of each local, and the shape of each array. */
export interface Names {
  readonly slots: Map<string, number>;
  readonly localShapes: ReadonlyMap<string, readonly number[]>;
  /** Specification expressions are evaluated exactly, without the machine's checks. */
  readonly ghost: boolean;
}

export function compileNumber(names: Names, expr: Expr): EvaluateNumber {
  const evaluate = compileExpr(names, expr);
  return (machine, frame) => {
    const value = evaluate(machine, frame);
    if (typeof value !== "number") throw new InternalError(`a number is meant: ${printExpr(expr)}`);
    return value;
  };
}

export function compileBoolean(names: Names, expr: Expr): EvaluateBoolean {
  const evaluate = compileExpr(names, expr);
  return (machine, frame) => {
    const value = evaluate(machine, frame);
    if (typeof value !== "boolean") throw new InternalError(`a boolean is meant: ${printExpr(expr)}`);
    return value;
  };
}

export function compileExpr(names: Names, expr: Expr): Evaluate {
  const text = (): string => printExpr(expr);
  switch (expr.kind) {
    case "int": {
      const value = Number(expr.value);
      return (machine, frame) => fits(machine, frame, value, () => expr.value, text, expr.span);
    }
    case "float": {
      const value = Math.fround(expr.value);
      return () => value;
    }
    case "bool":
      return () => expr.value;
    case "dim":
      return (machine) => machine.dims.get(expr.name) ?? 0;
    case "scalar":
      return (machine) => machine.scalars[expr.name] ?? 0;
    case "local": {
      const slot = names.slots.get(expr.name);
      if (slot === undefined) throw new InternalError(`local ${expr.name} is not declared`);
      return (_, frame) => frame.slots[slot] ?? 0;
    }
    case "index":
      if (expr.of === "block") return (machine) => machine.block[expr.axis];
      return (_, frame) => frame.thread[expr.axis];
    case "neg": {
      const value = compileNumber(names, expr.value);
      if (expr.type === "f32") return (machine, frame) => -value(machine, frame);
      if (names.ghost) return (machine, frame) => -value(machine, frame);
      return (machine, frame) => machineInt(machine, frame, "sub", 0, value(machine, frame), text, expr.span);
    }
    case "not": {
      const value = compileBoolean(names, expr.value);
      return (machine, frame) => !value(machine, frame);
    }
    case "int-op": {
      const [left, right] = [compileNumber(names, expr.left), compileNumber(names, expr.right)];
      const { op, span } = expr;
      if (names.ghost) return (machine, frame) => exactInt(op, left(machine, frame), right(machine, frame));
      return (machine, frame) => {
        const a = left(machine, frame);
        return machineInt(machine, frame, op, a, right(machine, frame), text, span);
      };
    }
    case "float-op":
      return compileFloatOp(compileNumber(names, expr.left), compileNumber(names, expr.right), expr.op);
    case "compare": {
      const [left, right] = [compileNumber(names, expr.left), compileNumber(names, expr.right)];
      const { op } = expr;
      return (machine, frame) => foldCompare(op, left(machine, frame), right(machine, frame));
    }
    case "logic": {
      const [left, right] = [compileBoolean(names, expr.left), compileBoolean(names, expr.right)];
      if (expr.op === "and") return (machine, frame) => left(machine, frame) && right(machine, frame);
      return (machine, frame) => left(machine, frame) || right(machine, frame);
    }
    case "select": {
      const cond = compileBoolean(names, expr.cond);
      const [then, otherwise] = [compileExpr(names, expr.then), compileExpr(names, expr.else)];
      return (machine, frame) => (cond(machine, frame) ? then(machine, frame) : otherwise(machine, frame));
    }
    case "call":
      return compileCall(
        expr.fn,
        expr.args.map((argument) => compileNumber(names, argument)),
      );
    case "cast": {
      const value = compileNumber(names, expr.value);
      return (machine, frame) => Math.fround(value(machine, frame));
    }
    case "load":
      return compileLoad(names, expr);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function compileFloatOp(
  left: EvaluateNumber,
  right: EvaluateNumber,
  op: "add" | "sub" | "mul" | "div",
): EvaluateNumber {
  switch (op) {
    case "add":
      return (machine, frame) => Math.fround(left(machine, frame) + right(machine, frame));
    case "sub":
      return (machine, frame) => Math.fround(left(machine, frame) - right(machine, frame));
    case "mul":
      return (machine, frame) => Math.fround(left(machine, frame) * right(machine, frame));
    case "div":
      return (machine, frame) => Math.fround(left(machine, frame) / right(machine, frame));
    default:
      op satisfies never;
      throw new InternalError("unknown operator");
  }
}

const UNARY: { readonly [F in Exclude<FloatFunction, "min" | "max" | "fma">]: (x: number) => number } = {
  exp: Math.exp,
  log: Math.log,
  erf,
  tanh: Math.tanh,
  sqrt: Math.sqrt,
  abs: Math.abs,
};

function compileCall(fn: FloatFunction, args: readonly EvaluateNumber[]): EvaluateNumber {
  const [a, b, c] = args;
  if (a === undefined) throw new InternalError(`${fn} without arguments`);
  if (fn === "min" || fn === "max") {
    if (b === undefined) throw new InternalError(`${fn} of one argument`);
    // Math.min and Math.max are NaN when either side is, as the language says.
    const pick = fn === "min" ? Math.min : Math.max;
    return (machine, frame) => pick(a(machine, frame), b(machine, frame));
  }
  if (fn === "fma") {
    if (b === undefined || c === undefined) throw new InternalError("fma of fewer than three arguments");
    return (machine, frame) => fma(a(machine, frame), b(machine, frame), c(machine, frame));
  }
  const apply = UNARY[fn];
  return (machine, frame) => Math.fround(apply(a(machine, frame)));
}

/**
 * a·b + c in f32 with one rounding. The product of two f32 is exact in double; the sum is rounded to odd, so that the
 * second rounding, to f32, is that of the exact sum (Boldo and Melquiond, 2008).
 */
export function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  // Knuth's two-sum: the error of the addition, exactly.
  const back = sum - product;
  const error = product - (sum - back) + (c - back);
  if (error === 0 || !Number.isFinite(sum)) return Math.fround(sum);
  return Math.fround(toOdd(sum, error));
}

/** The neighbour of `sum` with an odd significand that lies on the side of the error, unless `sum` is odd itself. */
function toOdd(sum: number, error: number): number {
  const bits = new BigInt64Array(new Float64Array([sum]).buffer);
  const [pattern = 0n] = bits;
  if ((pattern & 1n) === 1n) return sum;
  const awayFromZero = error > 0 === sum > 0;
  bits[0] = pattern + (awayFromZero ? 1n : -1n);
  return new Float64Array(bits.buffer)[0] ?? sum;
}

function compileLoad(names: Names, expr: LoadExpr): Evaluate {
  const locate = compileLocation(names, expr.array, expr.index, expr.span, false);
  const { space, name } = expr.array;
  const { span } = expr;
  const missing = expr.type === "f32" ? Number.NaN : 0;
  if (space === "global") {
    return (machine, frame) => {
      const place = locate(machine, frame);
      const array = machine.globals.get(name);
      if (place === undefined || array === undefined) return missing;
      const known = array.role !== "output" || array.written.has(place.address);
      const value = known ? array.memory.read(place.index) : undefined;
      if (value !== undefined) return value;
      fault(machine, frame, "uninitialised", span, `reads ${place.text()} before it is written`, name);
      return missing;
    };
  }
  return (machine, frame) => {
    const place = locate(machine, frame);
    if (place === undefined) return missing;
    const value = (space === "shared" ? machine.shared : frame.registers).get(name)?.[place.address];
    if (value !== undefined) return value;
    fault(machine, frame, "uninitialised", span, `reads ${place.text()} before it is written`, name);
    return missing;
  };
}

export interface Place {
  readonly index: readonly number[];
  /** Row-major. */
  readonly address: number;
  readonly text: () => string;
}

/** Evaluates an index and checks it: within bounds, its address within the index width, and no race with others. */
export function compileLocation(
  names: Names,
  { space, name }: LoadExpr["array"],
  index: readonly Expr[],
  span: Expr["span"],
  write: boolean,
): (machine: Machine, frame: Frame) => Place | undefined {
  const parts = index.map((part) => compileNumber(names, part));
  const source = (): string => `${name}${index.map((part) => `[${printExpr(part)}]`).join("")}`;
  return (machine, frame) => {
    const values = parts.map((part) => part(machine, frame));
    const extents = space === "global" ? machine.globals.get(name)?.extents : names.localShapes.get(name);
    if (extents === undefined) throw new InternalError(`array ${name} has no extents`);
    const text = (): string => `${name}${values.map((value) => `[${value}]`).join("")}`;
    const verb = write ? "writes" : "reads";
    let address = 0;
    for (const [axis, value] of values.entries()) {
      const extent = extents[axis] ?? 0;
      if (!(value >= 0 && value < extent)) {
        const detail = `axis ${axis}: index ${value}, length ${extent}`;
        fault(machine, frame, "bounds", span, `${verb} ${text()} out of bounds (${detail})`, name);
        return undefined;
      }
    }
    for (const [axis, value] of values.entries()) {
      const extent = extents[axis] ?? 0;
      if (axis === 0 || space !== "global") address = address * extent + value;
      else {
        const at = (): string => `the address of ${source()}`;
        const scaled = machineInt(machine, frame, "mul", address, extent, at, span);
        address = machineInt(machine, frame, "add", scaled, value, at, span);
      }
    }
    if (machine.checks && space !== "register" && !names.ghost)
      noteAccess(machine, frame, name, address, write, text, span);
    return { index: values, address, text };
  };
}

function noteAccess(
  machine: Machine,
  frame: Frame,
  name: string,
  address: number,
  write: boolean,
  text: () => string,
  span: Expr["span"],
): void {
  const shadow = machine.shadows.get(name);
  if (shadow === undefined) return;
  const actor = { block: machine.blockNumber, thread: frame.threadNumber, epoch: machine.epoch };
  const conflict = shadow.touch(address, actor, write);
  if (conflict === undefined) return;
  const other = machine.threadPlaces[conflict.thread];
  const who =
    conflict.block === machine.blockNumber
      ? `thread ${other === undefined ? "of the block" : formatTriple(other)}`
      : `a thread of block ${formatTriple(machine.blockPlaces[conflict.block] ?? [0, 0, 0])}`;
  const verb = write ? "writes" : "reads";
  const did = conflict.write ? "writes" : "reads";
  fault(machine, frame, "race", span, `${verb} ${text()}, which ${who} ${did} with no barrier between`, name);
}
