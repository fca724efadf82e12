/**
 * Symbolic evaluation of expressions: an expression of the kernel and a lane → its value there.
 *
 * An expression is compiled once into a function that runs for each lane: most of the time of symbolic execution is spent here.
 *
 * Floats are real numbers: literals have the value that their f32 has, casts change nothing. Comparisons of floats, and of
 * integers that depend on them, give conditions over expressions. An index or a divisor that depends on floats is not
 * supported. An element outside its array has no value: that no access is one is proved by other kinds.
 */

import { foldCompare } from "../../ir/kernel/build.ts";
import type { CallExpr, CompareExpr, Expr, IntBinary, LoadExpr, LogicExpr, SelectExpr } from "../../ir/kernel/expr.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import { InternalError } from "../../support/result.ts";
import {
  choose,
  lift,
  lower,
  type Machine,
  type Memory,
  memoryOf,
  numberAt,
  numberOf,
  outOfBounds,
  Symbolic,
  spend,
  Unsupported,
  type Value,
  valueAt,
} from "./machine.ts";
import type { Real } from "./reals.ts";

/** The value of an expression at a lane. */
export type Evaluator = (machine: Machine, lane: number) => Value;

const compiled = new WeakMap<Expr, Evaluator>();

export function evaluatorOf(expr: Expr): Evaluator {
  const known = compiled.get(expr);
  if (known !== undefined) return known;
  const made = paid(expr, compile(expr));
  compiled.set(expr, made);
  return made;
}

/** Each evaluation of each expression counts as work on one lane. */
function paid({ span }: Expr, evaluate: Evaluator): Evaluator {
  return (machine, lane) => {
    spend(machine, 1, span);
    return evaluate(machine, lane);
  };
}

function compile(expr: Expr): Evaluator {
  switch (expr.kind) {
    case "int": {
      const value = Number(expr.value);
      return () => exactly(expr, value);
    }
    case "float": {
      const value = Math.fround(expr.value);
      return ({ reals }) => reals.double(value);
    }
    case "bool":
      return () => expr.value;
    case "dim":
      return (machine) => sizeOf(machine, expr.name);
    case "scalar":
      return ({ scalars }) => {
        const value = scalars.get(expr.name);
        if (value === undefined) throw new InternalError(`the scalar ${expr.name} has no value`);
        return value;
      };
    case "local":
      return ({ locals }, lane) => {
        const value = locals.get(expr.name)?.[lane];
        if (value === undefined) throw new InternalError(`the local ${expr.name} has no value`);
        return value;
      };
    case "index": {
      const { axis } = expr;
      return expr.of === "block"
        ? ({ block }) => block[axis]
        : ({ threadIndex }, lane) => numberAt(threadIndex[axis], lane);
    }
    case "neg": {
      const value = evaluatorOf(expr.value);
      if (expr.type === "f32") return (machine, lane) => machine.reals.negate(numberOf(value(machine, lane)));
      return (machine, lane) => {
        const own = value(machine, lane);
        return own instanceof Symbolic ? new Symbolic(machine.reals.negate(own.real)) : -numberOf(own);
      };
    }
    case "not": {
      const value = evaluatorOf(expr.value);
      return (machine, lane) => {
        const own = value(machine, lane);
        return own instanceof Symbolic ? lower(machine.reals, machine.reals.not(own.real), "bool") : own !== true;
      };
    }
    case "int-op":
      return compileInt(expr);
    case "float-op": {
      const [left, right] = [evaluatorOf(expr.left), evaluatorOf(expr.right)];
      const op = FLOAT_OPS[expr.op];
      return (machine, lane) => {
        const a = numberOf(left(machine, lane));
        return machine.reals[op](a, numberOf(right(machine, lane)));
      };
    }
    case "compare":
      return compileCompare(expr);
    case "logic":
      return compileLogic(expr);
    case "select":
      return compileSelect(expr);
    case "call":
      return compileCall(expr);
    case "cast": {
      const value = evaluatorOf(expr.value);
      return (machine, lane) => lift(machine.reals, value(machine, lane));
    }
    case "round":
      // Over the reals nothing is rounded, and the random integer decides nothing.
      return evaluatorOf(expr.value);
    case "random":
      return () => {
        throw new Unsupported(`${printExpr(expr)} is used otherwise than to round`, expr.span);
      };
    case "load":
      return compileLoad(expr);
    case "ghost":
      throw new InternalError("a ghost outside a specification");
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

const FLOAT_OPS = { add: "add", sub: "subtract", mul: "multiply", div: "divide" } as const;

function sizeOf({ dims }: Machine, name: string): number {
  const size = dims[name];
  if (size === undefined) throw new InternalError(`the dimension ${name} has no size`);
  return size;
}

function exactly(expr: Expr, value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new Unsupported(`${printExpr(expr)} is beyond 2^53`, expr.span);
}

/** Where an element is in the array's values at a lane; −1 for one outside the array. */
type Address = (machine: Machine, memory: Memory, lane: number) => number;

const addressed = new WeakMap<readonly Expr[], Address>();

function addressOf(index: readonly Expr[]): Address {
  const known = addressed.get(index);
  if (known !== undefined) return known;
  const axes = index.map((expr) => ({ expr, evaluate: evaluatorOf(expr) }));
  const made: Address = (machine, memory, lane) => {
    let place = 0;
    let axis = 0;
    for (const { expr, evaluate } of axes) {
      const at = evaluate(machine, lane);
      if (typeof at !== "number") {
        throw new Unsupported(`the index ${printExpr(expr)} of ${memory.name} depends on floats`, expr.span);
      }
      const extent = memory.shape[axis++] ?? 0;
      place = at < 0 || at >= extent || place < 0 ? -1 : place * extent + at;
    }
    return place >= 0 && memory.perThread ? place + lane * memory.size : place;
  };
  addressed.set(index, made);
  return made;
}

/** The addresses of lanes: before any of them is used, all are there. */
export function addresses(
  machine: Machine,
  memory: Memory,
  index: readonly Expr[],
  lanes: readonly number[],
): readonly number[] {
  const address = addressOf(index);
  const found = new Array<number>(machine.threads).fill(-1);
  for (const t of lanes) found[t] = address(machine, memory, t);
  return found;
}

function compileLoad(expr: LoadExpr): Evaluator {
  const { name } = expr.array;
  const address = addressOf(expr.index);
  return (machine, lane) => {
    const memory = memoryOf(machine, name);
    return valueAt(machine, memory, address(machine, memory, lane)) ?? outOfBounds(machine, memory);
  };
}

function compileInt(expr: IntBinary): Evaluator {
  const [left, right] = [evaluatorOf(expr.left), evaluatorOf(expr.right)];
  return (machine, lane) => {
    const a = left(machine, lane);
    const b = right(machine, lane);
    if (typeof a === "number" && typeof b === "number") return exactly(expr, intOp(expr, a, b));
    return symbolicInt(machine, expr, a, b);
  };
}

function symbolicInt({ reals }: Machine, expr: IntBinary, left: Value, right: Value): Value {
  const [a, b] = [lift(reals, left), lift(reals, right)];
  switch (expr.op) {
    case "add":
      return lower(reals, reals.add(a, b), "int");
    case "sub":
      return lower(reals, reals.subtract(a, b), "int");
    case "mul":
      return lower(reals, reals.multiply(a, b), "int");
    case "min":
      return lower(reals, reals.min(a, b), "int");
    case "max":
      return lower(reals, reals.max(a, b), "int");
    case "div":
    case "mod":
      throw new Unsupported(`${printExpr(expr)} divides integers that depend on floats`, expr.span);
    default:
      expr.op satisfies never;
      throw new InternalError("unknown operation");
  }
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

function compileCompare(expr: CompareExpr): Evaluator {
  const [left, right] = [evaluatorOf(expr.left), evaluatorOf(expr.right)];
  if (expr.left.type === "f32") {
    return (machine, lane) => {
      const a = numberOf(left(machine, lane));
      return lower(machine.reals, compareFloats(machine, expr, a, numberOf(right(machine, lane))), "bool");
    };
  }
  return (machine, lane) => {
    const a = left(machine, lane);
    const b = right(machine, lane);
    if (typeof a === "number" && typeof b === "number") return foldCompare(expr.op, a, b);
    const { reals } = machine;
    return lower(reals, compareIntegers(machine, expr, lift(reals, a), lift(reals, b)), "bool");
  };
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

/** The right side is evaluated where the left one does not decide. */
function compileLogic(expr: LogicExpr): Evaluator {
  const [left, right] = [evaluatorOf(expr.left), evaluatorOf(expr.right)];
  const decided = expr.op === "or";
  return (machine, lane) => {
    const a = left(machine, lane);
    if (a === decided) return decided;
    const b = right(machine, lane);
    if (!(a instanceof Symbolic)) return b;
    if (b === decided) return decided;
    if (!(b instanceof Symbolic)) return a;
    const { reals } = machine;
    return lower(reals, decided ? reals.or(a.real, b.real) : reals.and(a.real, b.real), "bool");
  };
}

/** Both arms are evaluated where the condition depends on floats. */
function compileSelect(expr: SelectExpr): Evaluator {
  const condition = evaluatorOf(expr.cond);
  const [then, otherwise] = [evaluatorOf(expr.then), evaluatorOf(expr.else)];
  const arm = (machine: Machine, lane: number, node: Expr, evaluate: Evaluator): Value => {
    machine.reached.add(node);
    return evaluate(machine, lane);
  };
  return (machine, lane) => {
    const own = condition(machine, lane);
    if (own === true) return arm(machine, lane, expr.then, then);
    if (!(own instanceof Symbolic)) return arm(machine, lane, expr.else, otherwise);
    const value = arm(machine, lane, expr.then, then);
    return choose(machine.reals, expr.type, own, value, arm(machine, lane, expr.else, otherwise));
  };
}

function compileCall(expr: CallExpr): Evaluator {
  const { fn } = expr;
  const [first, second, third] = expr.args.map(evaluatorOf);
  const at = (argument: Evaluator | undefined, machine: Machine, lane: number): Real => {
    if (argument === undefined) throw new InternalError(`${fn} lacks an argument`);
    return numberOf(argument(machine, lane));
  };
  switch (fn) {
    case "exp":
    case "log":
    case "erf":
    case "tanh":
    case "sqrt":
    case "abs":
      return (machine, lane) => machine.reals.call(fn, at(first, machine, lane));
    case "min":
    case "max":
      return (machine, lane) => {
        const a = at(first, machine, lane);
        return machine.reals[fn](a, at(second, machine, lane));
      };
    case "fma":
      return (machine, lane) => {
        const a = at(first, machine, lane);
        const b = at(second, machine, lane);
        const c = at(third, machine, lane);
        return machine.reals.add(machine.reals.multiply(a, b), c);
      };
    default:
      fn satisfies never;
      throw new InternalError("unknown function");
  }
}
