/**
 * Conditions on data of which only a part is known: an expression and values of its variables in; code out that says
 * whether it holds, or names an element that has to be known before that.
 *
 * What does not depend on elements is computed once. An element outside its array, or a division by a value ≤ 0, has no
 * value, and neither has a condition that needs it: such a condition does not hold.
 */

import { foldCompare } from "../ir/kernel/build.ts";
import type { Expr, GhostExpr, GhostFunction, IntOp } from "../ir/kernel/expr.ts";
import { InternalError } from "../support/result.ts";

/** An element. */
export interface Cell {
  /** `undefined` is not known yet. */
  value: number | undefined;
  /** Elements become known in this order. */
  readonly turn: number;
}

/** Row-major. */
export interface PartialTensor<C extends Cell> {
  readonly shape: readonly number[];
  readonly cells: readonly C[];
}

export interface Known<C extends Cell> {
  readonly tensors: ReadonlyMap<string, PartialTensor<C>>;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly variables: ReadonlyMap<string, number>;
}

type Constant = number | boolean;
/** The value, or an element that it depends on and that is not known. */
type Code<C> = () => Constant | C;

const NO_VALUE = new Error("no value");

/** Whether the condition holds; or an element that decides it. */
export function compileCondition<C extends Cell>(condition: Expr, known: Known<C>): () => boolean | C {
  const code = compile(condition, known);
  return () => {
    try {
      const value = typeof code === "function" ? code() : code;
      if (typeof value === "number") throw new InternalError("a condition that is a number");
      return value;
    } catch (cause) {
      if (cause === NO_VALUE) return false;
      throw cause;
    }
  };
}

function compile<C extends Cell>(expr: Expr, known: Known<C>): Constant | Code<C> {
  switch (expr.kind) {
    case "int":
      return Number(expr.value);
    case "float":
    case "bool":
      return expr.value;
    case "dim":
      return defined(expr.name, known.dims[expr.name]);
    case "scalar":
      return defined(expr.name, known.scalars[expr.name]);
    case "local":
      return defined(expr.name, known.variables.get(expr.name));
    case "neg":
      return unary(compile(expr.value, known), (value) => -numberOf(value));
    case "not":
      return unary(compile(expr.value, known), (value) => value !== true);
    case "int-op":
      return binary(compile(expr.left, known), compile(expr.right, known), (left, right) =>
        fold(expr.op, numberOf(left), numberOf(right)),
      );
    case "compare":
      return binary(compile(expr.left, known), compile(expr.right, known), (left, right) =>
        foldCompare(expr.op, numberOf(left), numberOf(right)),
      );
    case "logic": {
      // What stands to the right may have no value where the left decides.
      const [decided, right] = [expr.op === "or", () => compile(expr.right, known)];
      return choose(compile(expr.left, known), (left) => (left === decided ? decided : right()));
    }
    case "select":
      return choose(compile(expr.cond, known), (holds) => compile(holds === true ? expr.then : expr.else, known));
    case "load":
      return element(expr.array.name, expr.index, known);
    case "ghost":
      return ghost(expr, known);
    case "cast":
    case "round":
    case "random":
    case "float-op":
    case "call":
    case "index":
      throw new InternalError(`${expr.kind} in a condition on data`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function unary<C extends Cell>(
  operand: Constant | Code<C>,
  compute: (value: Constant) => Constant,
): Constant | Code<C> {
  if (typeof operand !== "function") return once(() => compute(operand));
  return () => {
    const value = operand();
    return typeof value === "object" ? value : compute(value);
  };
}

function binary<C extends Cell>(
  left: Constant | Code<C>,
  right: Constant | Code<C>,
  compute: (left: Constant, right: Constant) => Constant,
): Constant | Code<C> {
  if (typeof left !== "function" && typeof right !== "function") return once(() => compute(left, right));
  return () => {
    const a = typeof left === "function" ? left() : left;
    const b = typeof right === "function" ? right() : right;
    if (typeof a !== "object") return typeof b === "object" ? b : compute(a, b);
    // Nothing is decided before the last of them is known.
    return typeof b === "object" && b.turn > a.turn ? b : a;
  };
}

/** The value of what depends on no element; code where there is none, since it may not be needed. */
function once(compute: () => Constant): Constant | (() => Constant) {
  try {
    return compute();
  } catch (cause) {
    if (cause === NO_VALUE) return compute;
    throw cause;
  }
}

/** What the condition chooses, compiled when it is first chosen. */
function choose<C extends Cell>(
  condition: Constant | Code<C>,
  chosen: (value: Constant) => Constant | Code<C>,
): Constant | Code<C> {
  if (typeof condition !== "function") return chosen(condition);
  const arms = new Map<Constant, Constant | Code<C>>();
  return () => {
    const value = condition();
    if (typeof value === "object") return value;
    const arm = arms.get(value) ?? chosen(value);
    arms.set(value, arm);
    return typeof arm === "function" ? arm() : arm;
  };
}

function defined(name: string, value: number | bigint | undefined): number {
  if (value === undefined) throw new InternalError(`${name} has no value in a condition on data`);
  return Number(value);
}

function numberOf(value: Constant | undefined): number {
  if (typeof value !== "number") throw new InternalError("something else where a number should be");
  return value;
}

function fold(op: IntOp, left: number, right: number): number {
  switch (op) {
    case "add":
      return left + right;
    case "sub":
      return left - right;
    case "mul":
      return left * right;
    case "div":
    case "mod": {
      if (right <= 0) throw NO_VALUE;
      const quotient = Math.floor(left / right);
      return op === "div" ? quotient : left - quotient * right;
    }
    case "min":
      return Math.min(left, right);
    case "max":
      return Math.max(left, right);
    default:
      op satisfies never;
      throw new InternalError("unknown operation");
  }
}

function tensorOf<C extends Cell>(name: string, { tensors }: Known<C>): PartialTensor<C> {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new InternalError(`no contents of ${name}`);
  return tensor;
}

function element<C extends Cell>(name: string, index: readonly Expr[], known: Known<C>): Code<C> {
  const { shape, cells } = tensorOf(name, known);
  const address = index.reduce<Constant | Code<C>>((outer, expr, axis) => {
    const extent = shape[axis] ?? 0;
    return binary(outer, compile(expr, known), (before, value) => {
      const at = numberOf(value);
      if (at < 0 || at >= extent) throw NO_VALUE;
      return numberOf(before) * extent + at;
    });
  }, 0);
  const at = (place: Constant): Constant | C => {
    const cell = cells[numberOf(place)];
    if (cell === undefined) throw new InternalError(`${name} has no element ${place}`);
    return cell.value ?? cell;
  };
  if (typeof address !== "function") return () => at(address);
  return () => {
    const place = address();
    return typeof place === "object" ? place : at(place);
  };
}

function ghost<C extends Cell>(expr: GhostExpr, known: Known<C>): Code<C> {
  const { cells } = tensorOf(expr.array.name, known);
  const [end = 0, wanted = 0] = expr.args.map((argument) => compile(argument, known));
  const prefix = unary(end, (value) => {
    const length = numberOf(value);
    if (length < 0 || length > cells.length) throw NO_VALUE;
    return length;
  });
  return () => {
    const length = typeof prefix === "function" ? prefix() : prefix;
    if (typeof length === "object") return length;
    const own = typeof wanted === "function" ? wanted() : wanted;
    const counted = cells.slice(0, numberOf(length));
    const unknown = counted.findLast(({ value }) => value === undefined);
    if (unknown !== undefined) return unknown;
    if (typeof own === "object") return own;
    return counted.reduce((sum, { value = 0 }) => sum + contribution(expr.fn, value, numberOf(own)), 0);
  };
}

/** What an element adds to a ghost's value. */
function contribution(fn: GhostFunction, value: number, wanted: number): number {
  switch (fn) {
    case "prefix-sum":
      return value;
    case "occurrences":
      return value === wanted ? 1 : 0;
    case "below":
      return value < wanted ? 1 : 0;
    case "nth-occurrence":
      throw new InternalError("a witness in a condition on data");
    default:
      fn satisfies never;
      throw new InternalError("unknown ghost function");
  }
}
