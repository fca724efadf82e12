/**
 * A model of launchers, from a kernel's contract alone: sizes, scalars and data → the status that a call must have, and
 * the names that its message must hold.
 *
 * It is written from the kernel IR and the order of the ABI's statuses, in exact integers, and shares nothing with the
 * generator of the launchers that it tests.
 */

import type { Expr } from "../../src/ir/kernel/expr.ts";
import { MAX_GRID, MAX_GRID_THREADS, SIZE_LIMITS } from "../../src/ir/kernel/limits.ts";
import { printData, printExpr } from "../../src/ir/kernel/print.ts";
import type { DataCondition, Kernel, TensorParam } from "../../src/ir/kernel/types.ts";

export type Sizes = Readonly<Record<string, bigint>>;
export type Scalars = Readonly<Record<string, bigint | number>>;
/** Integer tensors' contents, flat. */
export type Contents = Readonly<Record<string, readonly bigint[]>>;

export interface Assignment {
  readonly dims: Sizes;
  readonly scalars: Scalars;
}

export interface Expected {
  readonly status: string;
  /** What the message must name, besides the kernel. */
  readonly names: readonly string[];
  /** The number of the conjunct of `requires` that is broken. */
  readonly conjunct?: number;
}

type Value = bigint | number | boolean;

interface Env extends Assignment {
  readonly locals: ReadonlyMap<string, bigint>;
  readonly load: (array: string, index: readonly bigint[]) => bigint;
  readonly length: (array: string) => bigint;
}

export function tensorsOf(kernel: Kernel): readonly TensorParam[] {
  return kernel.params.filter((param) => param.kind === "tensor");
}

/** Each condition split at its outermost `&&`, in order; a call breaks the first that is false. */
export function conjunctsOf(kernel: Kernel): readonly { readonly condition: Expr; readonly part: Expr }[] {
  const split = (expr: Expr): readonly Expr[] =>
    expr.kind === "logic" && expr.op === "and" ? [...split(expr.left), ...split(expr.right)] : [expr];
  return kernel.requires.flatMap((condition) => split(condition).map((part) => ({ condition, part })));
}

/** What a launcher says to tensors that are as the sizes ask; `undefined` where it launches. */
export function expected(kernel: Kernel, assignment: Assignment): Expected | undefined {
  const { maxDim, maxElements } = SIZE_LIMITS[64];
  for (const name of kernel.dims) {
    const size = assignment.dims[name] ?? -1n;
    if (size < 0n || size > maxDim) return { status: "TOK_DIM", names: [name] };
  }
  for (const param of tensorsOf(kernel)) {
    const shape = shapeOf(param, assignment);
    const elements = shape.reduce((product, extent) => product * extent, 1n);
    if (shape.some((extent) => extent < 0n) || elements > maxElements) {
      return { status: "TOK_SHAPE", names: [param.name] };
    }
  }
  for (const { dim, value } of kernel.where) {
    if (sizeOf(value, assignment) !== assignment.dims[dim])
      return { status: "TOK_WHERE", names: [dim, printExpr(value)] };
  }
  for (const [conjunct, { condition, part }] of conjunctsOf(kernel).entries()) {
    if (evaluate(part, env(assignment)) === true) continue;
    return { status: "TOK_REQUIRES", names: [printExpr(condition)], conjunct };
  }
  for (const param of kernel.params) {
    if (param.kind !== "scalar" || param.element === "i64") continue;
    const value = assignment.scalars[param.name] ?? 0n;
    const fits =
      param.element === "i32"
        ? BigInt.asIntN(32, BigInt(value)) === value
        : !Number.isFinite(Number(value)) || Number.isFinite(Math.fround(Number(value)));
    if (!fits) return { status: "TOK_SCALAR", names: [param.name] };
  }
  for (const [axis, extent] of kernel.grid.entries()) {
    const blocks = sizeOf(extent, assignment);
    const threads = blocks * (kernel.block[axis] ?? 1n);
    if (blocks < 0n || blocks > (MAX_GRID[axis] ?? 0n) || threads > MAX_GRID_THREADS) {
      return { status: "TOK_GRID", names: [`grid.${"xyz"[axis]}`] };
    }
  }
  if (kernel.indexWidth !== "i32" || isNarrow(kernel, assignment)) return undefined;
  return { status: "TOK_INDEX_WIDTH", names: ["32-bit indices only"] };
}

/** Whether 32-bit indices serve these sizes. */
export function isNarrow(kernel: Kernel, assignment: Assignment): boolean {
  const { maxDim, maxElements } = SIZE_LIMITS[32];
  return (
    kernel.dims.every((name) => (assignment.dims[name] ?? 0n) <= maxDim) &&
    tensorsOf(kernel).every((param) => elementsOf(param, assignment) <= maxElements)
  );
}

export function shapeOf({ shape }: TensorParam, assignment: Assignment): readonly bigint[] {
  return shape.map((extent) => sizeOf(extent, assignment));
}

export function elementsOf(param: TensorParam, assignment: Assignment): bigint {
  return shapeOf(param, assignment).reduce((product, extent) => product * extent, 1n);
}

export function sizeOf(expr: Expr, assignment: Assignment): bigint {
  const value = evaluate(expr, env(assignment));
  if (typeof value !== "bigint") throw new Error(`${printExpr(expr)} is ${value}`);
  return value;
}

function env(assignment: Assignment): Env {
  const none = (array: string): never => {
    throw new Error(`${array} is read where only sizes are known`);
  };
  return { ...assignment, locals: new Map(), load: none, length: none };
}

/** The first value of the first variable that breaks the condition: `0` for one without variables. */
export function firstBroken(
  kernel: Kernel,
  { variables, condition }: DataCondition,
  assignment: Assignment,
  contents: Contents,
): bigint | undefined {
  const shapes = new Map(tensorsOf(kernel).map((param) => [param.name, shapeOf(param, assignment)]));
  const load = (array: string, index: readonly bigint[]): bigint => {
    const shape = shapes.get(array) ?? [];
    if (index.some((i, axis) => i < 0n || i >= (shape[axis] ?? 0n))) throw new Error(`${array}[${index}] is outside`);
    const flat = index.reduce((sum, i, axis) => sum * (shape[axis] ?? 0n) + i, 0n);
    const value = contents[array]?.[Number(flat)];
    if (value === undefined) throw new Error(`${array}[${index}] has no value`);
    return value;
  };
  const length = (array: string): bigint => shapes.get(array)?.[0] ?? 0n;
  const broken = (position: number, locals: ReadonlyMap<string, bigint>): bigint | undefined => {
    const variable = variables[position];
    const context: Env = { ...assignment, locals, load, length };
    if (variable === undefined) return evaluate(condition, context) === true ? undefined : 0n;
    const end = sizeOf(variable.extent, assignment);
    for (let i = 0n; i < end; i++) {
      if (broken(position + 1, new Map(locals).set(variable.name, i)) !== undefined) return i;
    }
    return undefined;
  };
  return broken(0, new Map());
}

/** As the source has it, and as messages quote it. */
export function textOf(condition: DataCondition): string {
  return condition.variables.length === 0 ? printExpr(condition.condition) : printData(condition);
}

/** `undefined` where a divisor is not positive: a condition that cannot be computed is not met. */
function evaluate(expr: Expr, context: Env): Value | undefined {
  const inner = (child: Expr): Value | undefined => evaluate(child, context);
  const integer = (child: Expr): bigint => {
    const value = inner(child);
    if (typeof value !== "bigint") throw new Error(`${printExpr(child)} is ${value}`);
    return value;
  };
  const float = (child: Expr): number => Number(inner(child));
  switch (expr.kind) {
    case "int":
    case "bool":
      return expr.value;
    case "float":
      return Math.fround(expr.value);
    case "dim":
      return context.dims[expr.name];
    case "scalar": {
      const value = context.scalars[expr.name] ?? 0n;
      return expr.type === "f32" ? Math.fround(Number(value)) : BigInt(value);
    }
    case "local":
      return context.locals.get(expr.name);
    case "neg":
      return expr.type === "int" ? -integer(expr.value) : -float(expr.value);
    case "not": {
      const value = inner(expr.value);
      return value === undefined ? undefined : value !== true;
    }
    case "int-op": {
      const [left, right] = [inner(expr.left), inner(expr.right)];
      if (typeof left !== "bigint" || typeof right !== "bigint") return undefined;
      const [low, high] = left < right ? [left, right] : [right, left];
      const floored = (): bigint => (left - (((left % right) + right) % right)) / right;
      switch (expr.op) {
        case "add":
          return left + right;
        case "sub":
          return left - right;
        case "mul":
          return left * right;
        case "min":
          return low;
        case "max":
          return high;
        case "div":
          return right <= 0n ? undefined : floored();
        case "mod":
          return right <= 0n ? undefined : left - right * floored();
        default:
          throw new Error(expr satisfies never);
      }
    }
    case "float-op": {
      const [left, right] = [float(expr.left), float(expr.right)];
      const results = { add: left + right, sub: left - right, mul: left * right, div: left / right };
      return Math.fround(results[expr.op]);
    }
    case "compare": {
      const [left, right] = [inner(expr.left), inner(expr.right)];
      if (left === undefined || right === undefined) return undefined;
      const results = {
        lt: left < right,
        le: left <= right,
        gt: left > right,
        ge: left >= right,
        eq: left === right,
        ne: left !== right,
      };
      return results[expr.op];
    }
    case "logic": {
      const left = inner(expr.left);
      return left === undefined || left === (expr.op === "or") ? left : inner(expr.right);
    }
    case "select": {
      const cond = inner(expr.cond);
      return cond === undefined ? undefined : inner(cond === true ? expr.then : expr.else);
    }
    case "cast":
      return Math.fround(Number(integer(expr.value)));
    case "load":
      return context.load(expr.array.name, expr.index.map(integer));
    case "ghost": {
      if (expr.fn === "nth-occurrence") throw new Error(`${printExpr(expr)} is not in the model`);
      const [end = 0n, wanted = 0n] = expr.args.map(integer);
      let result = 0n;
      for (let i = 0n; i < end && i < context.length(expr.array.name); i++) {
        const element = context.load(expr.array.name, [i]);
        if (expr.fn === "prefix-sum") result += element;
        else if (expr.fn === "below" ? element < wanted : element === wanted) result++;
      }
      return result;
    }
    case "call":
    case "round":
    case "random":
    case "index":
      throw new Error(`${printExpr(expr)} is not in the model`);
    default:
      throw new Error(expr satisfies never);
  }
}
