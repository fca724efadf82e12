/**
 * Builders: the only way to make a node of the kernel IR.
 *
 * Each builder checks the types of its operands and folds integer and boolean constants by laws that hold in the
 * integers; a wrong type is a defect of the caller (`InternalError`), since the front end has reported the user's
 * mistakes by then.
 */

import { InternalError } from "../../support/result.ts";
import { NO_SPAN, type Span } from "../../support/span.ts";
import type { HalfElement, ScalarType } from "./elements.ts";
import type {
  ArrayRef,
  BoolLiteral,
  CallExpr,
  CompareExpr,
  CompareOp,
  Expr,
  FloatBinary,
  FloatFunction,
  FloatOp,
  GhostExpr,
  GhostFunction,
  IndexExpr,
  IntLiteral,
  IntOp,
  LoadExpr,
  RandomExpr,
  RoundExpr,
} from "./expr.ts";

export function int(value: bigint | number, span: Span = NO_SPAN): IntLiteral {
  return { kind: "int", type: "int", value: BigInt(value), span };
}

export function float(value: number, span: Span = NO_SPAN): Expr {
  return { kind: "float", type: "f32", value, span };
}

export function bool(value: boolean, span: Span = NO_SPAN): BoolLiteral {
  return { kind: "bool", type: "bool", value, span };
}

export function dim(name: string, span: Span = NO_SPAN): Expr {
  return { kind: "dim", type: "int", name, span };
}

export function scalar(name: string, type: ScalarType, span: Span = NO_SPAN): Expr {
  return { kind: "scalar", type, name, span };
}

export function local(name: string, type: ScalarType, span: Span = NO_SPAN): Expr {
  return { kind: "local", type, name, span };
}

export function index(of: IndexExpr["of"], axis: IndexExpr["axis"], span: Span = NO_SPAN): Expr {
  return { kind: "index", type: "int", of, axis, span };
}

export function neg(value: Expr, span: Span = NO_SPAN): Expr {
  if (value.type === "bool") throw new InternalError("neg of a boolean");
  if (value.kind === "int") return int(-value.value, span);
  if (value.kind === "float") return float(-value.value, span);
  return { kind: "neg", type: value.type, value, span };
}

export function not(value: Expr, span: Span = NO_SPAN): Expr {
  expectType(value, "bool", "not");
  if (value.kind === "bool") return bool(!value.value, span);
  if (value.kind === "not") return value.value;
  return { kind: "not", type: "bool", value, span };
}

/** Folds constants and the units of `+` and `*`; never folds a division by zero, which stays for the verifier. */
export function intOp(op: IntOp, left: Expr, right: Expr, span: Span = NO_SPAN): Expr {
  expectType(left, "int", op);
  expectType(right, "int", op);
  if (left.kind === "int" && right.kind === "int") {
    const value = foldInt(op, left.value, right.value);
    if (value !== undefined) return int(value, span);
  }
  const zero = (e: Expr): boolean => e.kind === "int" && e.value === 0n;
  const one = (e: Expr): boolean => e.kind === "int" && e.value === 1n;
  if ((op === "add" || op === "sub") && zero(right)) return left;
  if (op === "add" && zero(left)) return right;
  if ((op === "mul" || op === "div") && one(right)) return left;
  if (op === "mul" && one(left)) return right;
  return { kind: "int-op", type: "int", op, left, right, span };
}

export const add = (left: Expr, right: Expr, span?: Span): Expr => intOp("add", left, right, span);
export const sub = (left: Expr, right: Expr, span?: Span): Expr => intOp("sub", left, right, span);
export const mul = (left: Expr, right: Expr, span?: Span): Expr => intOp("mul", left, right, span);

/** ⌈a / b⌉ for b > 0, as `div(a + b - 1, b)`. */
export function ceilDiv(left: Expr, right: Expr, span?: Span): Expr {
  return intOp("div", add(left, sub(right, int(1), span), span), right, span);
}

export function floatOp(op: FloatOp, left: Expr, right: Expr, span: Span = NO_SPAN): FloatBinary {
  expectType(left, "f32", op);
  expectType(right, "f32", op);
  return { kind: "float-op", type: "f32", op, left, right, span };
}

export function compare(op: CompareOp, left: Expr, right: Expr, span: Span = NO_SPAN): CompareExpr {
  if (left.type !== right.type || left.type === "bool") {
    throw new InternalError(`compare of ${left.type} with ${right.type}`);
  }
  return { kind: "compare", type: "bool", op, left, right, span };
}

export function logic(op: "and" | "or", left: Expr, right: Expr, span: Span = NO_SPAN): Expr {
  expectType(left, "bool", op);
  expectType(right, "bool", op);
  if (left.kind === "bool") return left.value === (op === "and") ? right : left;
  return { kind: "logic", type: "bool", op, left, right, span };
}

export function select(cond: Expr, then: Expr, otherwise: Expr, span: Span = NO_SPAN): Expr {
  expectType(cond, "bool", "select");
  if (then.type !== otherwise.type) throw new InternalError(`select of ${then.type} and ${otherwise.type}`);
  if (cond.kind === "bool") return cond.value ? then : otherwise;
  return { kind: "select", type: then.type, cond, then, else: otherwise, span };
}

/** How many arguments each float function takes. */
export const FLOAT_FUNCTIONS: Readonly<Record<FloatFunction, number>> = {
  exp: 1,
  log: 1,
  erf: 1,
  tanh: 1,
  sqrt: 1,
  abs: 1,
  min: 2,
  max: 2,
  fma: 3,
};

export function call(fn: FloatFunction, args: readonly Expr[], span: Span = NO_SPAN): CallExpr {
  if (args.length !== FLOAT_FUNCTIONS[fn]) throw new InternalError(`${fn} of ${args.length} arguments`);
  for (const arg of args) expectType(arg, "f32", fn);
  return { kind: "call", type: "f32", fn, args, span };
}

export function castToFloat(value: Expr, span: Span = NO_SPAN): Expr {
  expectType(value, "int", "cast");
  return { kind: "cast", type: "f32", value, span };
}

export function round(to: HalfElement, value: Expr, random: Expr | undefined, span: Span = NO_SPAN): RoundExpr {
  expectType(value, "f32", to);
  if (random !== undefined) expectType(random, "int", "stochasticRound");
  return { kind: "round", type: "f32", to, value, ...(random === undefined ? {} : { random }), span };
}

/** The arguments of `randomBits`: seed, stream, step and index. */
export const RANDOM_ARGUMENTS = 4;

export function random(args: readonly Expr[], span: Span = NO_SPAN): RandomExpr {
  if (args.length !== RANDOM_ARGUMENTS) throw new InternalError(`randomBits of ${args.length} arguments`);
  for (const arg of args) expectType(arg, "int", "randomBits");
  return { kind: "random", type: "int", args, span };
}

export function load(array: ArrayRef, type: ScalarType, indices: readonly Expr[], span: Span = NO_SPAN): LoadExpr {
  for (const i of indices) expectType(i, "int", `index of ${array.name}`);
  return { kind: "load", type, array, index: indices, span };
}

/** How many arguments each ghost function takes besides its array. */
export const GHOST_FUNCTIONS: Readonly<Record<GhostFunction, number>> = {
  "prefix-sum": 1,
  occurrences: 2,
  below: 2,
  "nth-occurrence": 3,
};

export function ghost(fn: GhostFunction, array: ArrayRef, args: readonly Expr[], span: Span = NO_SPAN): GhostExpr {
  if (args.length !== GHOST_FUNCTIONS[fn]) throw new InternalError(`${fn} of ${args.length} arguments`);
  for (const arg of args) expectType(arg, "int", fn);
  return { kind: "ghost", type: "int", fn, array, args, span };
}

/** ⌊a / b⌋ and a − b·⌊a / b⌋; `undefined` for b = 0. */
export function floorDiv(a: bigint, b: bigint): bigint | undefined {
  if (b === 0n) return undefined;
  const q = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q;
}

export function foldInt(op: IntOp, a: bigint, b: bigint): bigint | undefined {
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return floorDiv(a, b);
    case "mod": {
      const q = floorDiv(a, b);
      return q === undefined ? undefined : a - b * q;
    }
    case "min":
      return a < b ? a : b;
    case "max":
      return a > b ? a : b;
    default:
      op satisfies never;
      throw new InternalError(`unknown operator ${String(op)}`);
  }
}

export function foldCompare<T extends bigint | number>(op: CompareOp, a: T, b: T): boolean {
  switch (op) {
    case "lt":
      return a < b;
    case "le":
      return a <= b;
    case "gt":
      return a > b;
    case "ge":
      return a >= b;
    case "eq":
      return a === b;
    case "ne":
      return a !== b;
    default:
      op satisfies never;
      throw new InternalError(`unknown comparison ${String(op)}`);
  }
}

function expectType(value: Expr, type: ScalarType, what: string): void {
  if (value.type !== type) throw new InternalError(`${what} expects ${type}, got ${value.type}`);
}
