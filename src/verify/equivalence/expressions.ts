/**
 * Symbolic evaluation of expressions: an expression of the kernel, for some lanes → a column of values.
 *
 * Floats are real numbers: literals have the value that their f32 has, casts change nothing. Comparisons of floats, and of
 * integers that depend on them, give conditions over expressions. An index or a divisor that depends on floats is not
 * supported. An element outside its array has no value: that no access is one is proved by other kinds.
 */

import { foldCompare } from "../../ir/kernel/build.ts";
import type { CallExpr, CompareExpr, Expr, IntBinary, LoadExpr, LogicExpr } from "../../ir/kernel/expr.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import { InternalError } from "../../support/result.ts";
import {
  type Column,
  choose,
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
import type { Real } from "./reals.ts";

export function evaluate(machine: Machine, expr: Expr, lanes: readonly number[]): Column {
  const { reals } = machine;
  spend(machine, lanes.length, expr.span);
  const uniform = (value: Value): Column => uniformColumn(machine, value);
  switch (expr.kind) {
    case "int":
      return uniform(exactly(expr, Number(expr.value)));
    case "float":
      return uniform(reals.double(Math.fround(expr.value)));
    case "bool":
      return uniform(expr.value);
    case "dim":
      return uniform(sizeOf(machine, expr.name));
    case "scalar": {
      const value = machine.scalars.get(expr.name);
      if (value === undefined) throw new InternalError(`the scalar ${expr.name} has no value`);
      return uniform(value);
    }
    case "local": {
      const column = machine.locals.get(expr.name);
      if (column === undefined) throw new InternalError(`the local ${expr.name} has no value`);
      return column;
    }
    case "index":
      return expr.of === "block" ? uniform(machine.block[expr.axis]) : machine.threadIndex[expr.axis];
    case "neg": {
      const value = evaluate(machine, expr.value, lanes);
      if (expr.type === "f32") return map(machine, lanes, (t) => reals.negate(numberAt(value, t)));
      return map(machine, lanes, (t) => {
        const own = value[t];
        return own instanceof Symbolic ? new Symbolic(reals.negate(own.real)) : -numberAt(value, t);
      });
    }
    case "not": {
      const value = evaluate(machine, expr.value, lanes);
      return map(machine, lanes, (t) => {
        const own = value[t];
        return own instanceof Symbolic ? lower(reals, reals.not(own.real), "bool") : own !== true;
      });
    }
    case "int-op":
      return evaluateInt(machine, expr, lanes);
    case "float-op": {
      const [left, right] = [evaluate(machine, expr.left, lanes), evaluate(machine, expr.right, lanes)];
      const op = FLOAT_OPS[expr.op];
      return map(machine, lanes, (t) => reals[op](numberAt(left, t), numberAt(right, t)));
    }
    case "compare":
      return evaluateCompare(machine, expr, lanes);
    case "logic":
      return evaluateLogic(machine, expr, lanes);
    case "select": {
      const condition = evaluate(machine, expr.cond, lanes);
      const yes = lanes.filter((t) => condition[t] !== false);
      const no = lanes.filter((t) => condition[t] !== true);
      if (yes.length > 0) machine.reached.add(expr.then);
      if (no.length > 0) machine.reached.add(expr.else);
      const then = yes.length > 0 ? evaluate(machine, expr.then, yes) : [];
      const otherwise = no.length > 0 ? evaluate(machine, expr.else, no) : [];
      return map(machine, lanes, (t) => {
        const own = condition[t];
        if (!(own instanceof Symbolic)) return (own === true ? then : otherwise)[t] ?? 0;
        return choose(reals, expr.type, own, then[t], otherwise[t]);
      });
    }
    case "call":
      return evaluateCall(machine, expr, lanes);
    case "cast": {
      const value = evaluate(machine, expr.value, lanes);
      return map(machine, lanes, (t) => lift(reals, value[t]));
    }
    case "round":
      // Over the reals nothing is rounded, and the random integer decides nothing.
      return evaluate(machine, expr.value, lanes);
    case "random":
      throw new Unsupported(`${printExpr(expr)} is used otherwise than to round`, expr.span);
    case "load":
      return evaluateLoad(machine, expr, lanes);
    case "ghost":
      throw new InternalError("a ghost outside a specification");
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

const FLOAT_OPS = { add: "add", sub: "subtract", mul: "multiply", div: "divide" } as const;

function uniformColumn({ uniform, threads }: Machine, value: Value): Column {
  const known = uniform.get(value);
  if (known !== undefined) return known;
  const column = new Array<Value>(threads).fill(value);
  uniform.set(value, column);
  return column;
}

export function map(machine: Machine, lanes: readonly number[], value: (lane: number) => Value): Column {
  const column = new Array<Value>(machine.threads).fill(0);
  for (const t of lanes) column[t] = value(t);
  return column;
}

export function sizeOf({ dims }: Machine, name: string): number {
  const size = dims[name];
  if (size === undefined) throw new InternalError(`the dimension ${name} has no size`);
  return size;
}

function exactly(expr: Expr, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new Unsupported(`${printExpr(expr)} is beyond 2^53`, expr.span);
}

/** Addresses in the array's values, by lane; −1 for an element outside it. */
export function addresses(
  machine: Machine,
  memory: Memory,
  index: readonly Expr[],
  lanes: readonly number[],
): readonly number[] {
  const found = new Array<number>(machine.threads).fill(-1);
  for (const t of lanes) found[t] = 0;
  index.forEach((expr, axis) => {
    const column = evaluate(machine, expr, lanes);
    const extent = memory.shape[axis] ?? 0;
    for (const t of lanes) {
      const at = column[t];
      if (typeof at !== "number") {
        throw new Unsupported(`the index ${printExpr(expr)} of ${memory.name} depends on floats`, expr.span);
      }
      const outer = found[t] ?? -1;
      found[t] = at < 0 || at >= extent || outer < 0 ? -1 : outer * extent + at;
    }
  });
  if (!memory.perThread) return found;
  for (const t of lanes) {
    const own = found[t] ?? -1;
    if (own >= 0) found[t] = own + t * memory.size;
  }
  return found;
}

function evaluateLoad(machine: Machine, expr: LoadExpr, lanes: readonly number[]): Column {
  const memory = memoryOf(machine, expr.array.name);
  const places = addresses(machine, memory, expr.index, lanes);
  return map(machine, lanes, (t) => {
    return valueAt(machine, memory, places[t] ?? -1) ?? outOfBounds(machine, memory);
  });
}

function evaluateInt(machine: Machine, expr: IntBinary, lanes: readonly number[]): Column {
  const { reals } = machine;
  const [left, right] = [evaluate(machine, expr.left, lanes), evaluate(machine, expr.right, lanes)];
  return map(machine, lanes, (t) => {
    const [a, b] = [left[t], right[t]];
    if (typeof a === "number" && typeof b === "number") return exactly(expr, intOp(expr, a, b));
    switch (expr.op) {
      case "add":
        return lower(reals, reals.add(lift(reals, a), lift(reals, b)), "int");
      case "sub":
        return lower(reals, reals.subtract(lift(reals, a), lift(reals, b)), "int");
      case "mul":
        return lower(reals, reals.multiply(lift(reals, a), lift(reals, b)), "int");
      case "min":
        return lower(reals, reals.min(lift(reals, a), lift(reals, b)), "int");
      case "max":
        return lower(reals, reals.max(lift(reals, a), lift(reals, b)), "int");
      case "div":
      case "mod":
        throw new Unsupported(`${printExpr(expr)} divides integers that depend on floats`, expr.span);
      default:
        expr.op satisfies never;
        throw new InternalError("unknown operation");
    }
  });
}

function intOp(expr: IntBinary, a: number, b: number): number {
  switch (expr.op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
    case "mod": {
      if (b <= 0) throw new Unsupported(`${printExpr(expr)} divides by ${b}`, expr.span);
      const quotient = Math.floor(a / b);
      return expr.op === "div" ? quotient : a - quotient * b;
    }
    case "min":
      return Math.min(a, b);
    case "max":
      return Math.max(a, b);
    default:
      expr.op satisfies never;
      throw new InternalError("unknown operation");
  }
}

function evaluateCompare(machine: Machine, expr: CompareExpr, lanes: readonly number[]): Column {
  const { reals } = machine;
  const [left, right] = [evaluate(machine, expr.left, lanes), evaluate(machine, expr.right, lanes)];
  if (expr.left.type === "f32") {
    return map(machine, lanes, (t) =>
      lower(reals, compareFloats(machine, expr, numberAt(left, t), numberAt(right, t)), "bool"),
    );
  }
  return map(machine, lanes, (t) => {
    const [a, b] = [left[t], right[t]];
    if (typeof a === "number" && typeof b === "number") return foldCompare(expr.op, a, b);
    return lower(reals, compareIntegers(machine, expr, lift(reals, a), lift(reals, b)), "bool");
  });
}

function compareFloats({ reals }: Machine, { op }: CompareExpr, a: Real, b: Real): Real {
  switch (op) {
    case "lt":
      return reals.positive(reals.subtract(b, a));
    case "gt":
      return reals.positive(reals.subtract(a, b));
    case "le":
      return reals.not(reals.positive(reals.subtract(a, b)));
    case "ge":
      return reals.not(reals.positive(reals.subtract(b, a)));
    case "eq":
      return reals.isZero(reals.subtract(a, b));
    case "ne":
      return reals.not(reals.isZero(reals.subtract(a, b)));
    default:
      op satisfies never;
      throw new InternalError("unknown comparison");
  }
}

function compareIntegers({ reals }: Machine, { op }: CompareExpr, a: Real, b: Real): Real {
  switch (op) {
    case "lt":
      return reals.positiveInteger(reals.subtract(b, a));
    case "gt":
      return reals.positiveInteger(reals.subtract(a, b));
    case "le":
      return reals.atMost(a, b);
    case "ge":
      return reals.atMost(b, a);
    case "eq":
      return reals.equalIntegers(a, b);
    case "ne":
      return reals.not(reals.equalIntegers(a, b));
    default:
      op satisfies never;
      throw new InternalError("unknown comparison");
  }
}

function evaluateLogic(machine: Machine, expr: LogicExpr, lanes: readonly number[]): Column {
  const { reals } = machine;
  const decided = expr.op === "or";
  const left = evaluate(machine, expr.left, lanes);
  const open = lanes.filter((t) => left[t] !== decided);
  const right = open.length > 0 ? evaluate(machine, expr.right, open) : [];
  return map(machine, lanes, (t) => {
    const [a, b] = [left[t], right[t]];
    if (a === decided) return decided;
    if (!(a instanceof Symbolic)) return b ?? decided;
    if (b === decided) return decided;
    if (!(b instanceof Symbolic)) return a;
    return lower(reals, decided ? reals.or(a.real, b.real) : reals.and(a.real, b.real), "bool");
  });
}

function evaluateCall(machine: Machine, expr: CallExpr, lanes: readonly number[]): Column {
  const { reals } = machine;
  const { fn } = expr;
  const [first = [], second = [], third = []] = expr.args.map((argument) => evaluate(machine, argument, lanes));
  switch (fn) {
    case "exp":
    case "log":
    case "erf":
    case "tanh":
    case "sqrt":
    case "abs":
      return map(machine, lanes, (t) => reals.call(fn, numberAt(first, t)));
    case "min":
    case "max":
      return map(machine, lanes, (t) => reals[fn](numberAt(first, t), numberAt(second, t)));
    case "fma":
      return map(machine, lanes, (t) =>
        reals.add(reals.multiply(numberAt(first, t), numberAt(second, t)), numberAt(third, t)),
      );
    default:
      fn satisfies never;
      throw new InternalError("unknown function");
  }
}
