/**
 * Launch conditions: sizes and scalars → whether a kernel may be launched, and on which grid.
 *
 * Expressions over dimensions and scalars are evaluated exactly, as the launcher does it on the host. What a kernel may
 * be launched with is its contract and what `limits.ts` says: proofs assume both.
 */

import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import { foldCompare, foldInt } from "./build.ts";
import type { CallExpr, Expr } from "./expr.ts";
import { FLOAT_FUNCTION, FLOAT_OP } from "./float32.ts";
import { ELEMENT_RANGE, type IndexWidth, MAX_GRID, MAX_GRID_THREADS, SIZE_LIMITS, type SizeLimits } from "./limits.ts";
import { printExpr } from "./print.ts";
import type { Kernel, TensorParam, Triple } from "./types.ts";
import { visitExpr } from "./walk.ts";

export interface LaunchValues {
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
}

export interface BrokenCondition {
  readonly span: Span;
  /** A predicate of the interpreter: `is given N = 0, which breaks requires(N > 0)`. */
  readonly message: string;
}

/** Everything that forbids the launch; empty when it may go ahead. */
export function brokenConditions(
  kernel: Kernel,
  values: LaunchValues,
  width: IndexWidth,
  { maxDim, maxElements }: SizeLimits = SIZE_LIMITS[width],
): readonly BrokenCondition[] {
  const broken: BrokenCondition[] = [];
  const demand = (holds: boolean | undefined, span: Span, condition: string): void => {
    if (holds !== true) broken.push({ span, message: `is given ${describeValues(values)}, which breaks ${condition}` });
  };
  for (const name of kernel.dims) {
    const size = sizeOf(values, name);
    demand(size >= 0n && size <= maxDim, kernel.span, `0 <= ${name} <= ${maxDim}`);
  }
  for (const param of kernel.params) {
    if (param.kind === "tensor") {
      const shape = param.shape.map((extent) => evaluateSize(extent, values));
      const elements = shape.reduce((product, extent) => product * extent, 1n);
      const fits = shape.every((extent) => extent >= 0n) && elements <= maxElements;
      demand(fits, param.span, `the limit of ${maxElements} elements for ${param.name}: [${shape.join(", ")}]`);
    } else if (param.element !== "f32") {
      const { min, max } = ELEMENT_RANGE[param.element];
      const value = BigInt(scalarOf(values, param.name));
      demand(value >= min && value <= max, param.span, `${min} <= ${param.name} <= ${max}`);
    }
  }
  for (const { dim, value, span } of kernel.where) {
    demand(evaluate(value, values) === sizeOf(values, dim), span, `where ${dim} = ${printExpr(value)}`);
  }
  for (const condition of kernel.requires) {
    demand(evaluate(condition, values) === true, condition.span, `requires(${printExpr(condition)})`);
  }
  for (const { variables, span } of [...kernel.dataRequires, ...kernel.ensures]) {
    for (const { extent } of variables) {
      demand(evaluate(extent, values) !== undefined, span, `the extent ${printExpr(extent)}, which has no value`);
    }
  }
  for (const [axis, extent] of kernel.grid.entries()) {
    const blocks = evaluate(extent, values);
    const [limit = 0n, threads = 1n] = [MAX_GRID[axis], kernel.block[axis]];
    const fits = typeof blocks === "bigint" && blocks >= 0n && blocks <= limit && blocks * threads <= MAX_GRID_THREADS;
    demand(fits, extent.span, `the limits of the grid: ${printExpr(extent)} blocks of ${threads} threads`);
  }
  return broken;
}

/**
 * Whether a condition over float scalars and literals holds, in the arithmetic of the launcher; `undefined` of a condition
 * that reads a size or an integer.
 */
export function holdsOfFloats(
  condition: Expr,
  scalars: Readonly<Record<string, number | bigint>>,
): boolean | undefined {
  let floatsOnly = true;
  visitExpr(condition, (expr) => {
    if (expr.kind === "dim" || (expr.kind === "scalar" && expr.type !== "f32")) floatsOnly = false;
  });
  if (!floatsOnly) return undefined;
  const values = Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Number(value)]));
  return evaluate(condition, { dims: {}, scalars: values }) === true;
}

/** Whether a condition holds of these sizes; not where it reads another one. A condition that reads a scalar is left to others. */
export function holdsOfSizes(condition: Expr, dims: Readonly<Record<string, bigint>>): boolean {
  return conditionsIn(condition).every((part) => {
    let [known, ofSizes] = [true, true];
    visitExpr(part, (expr) => {
      if (expr.kind === "dim" && dims[expr.name] === undefined) known = false;
      if (expr.kind === "scalar") ofSizes = false;
    });
    return !ofSizes || (known && evaluate(part, { dims, scalars: {} }) === true);
  });
}

/** Whether what the contract says of this dimension alone allows it the size. */
export function allowsSize({ requires }: Kernel, name: string, size: bigint): boolean {
  return requires.flatMap(conditionsIn).every((condition) => {
    let alone = true;
    visitExpr(condition, (expr) => {
      if (expr.kind === "scalar" || (expr.kind === "dim" && expr.name !== name)) alone = false;
    });
    return !alone || evaluate(condition, { dims: { [name]: size }, scalars: {} }) === true;
  });
}

/** The conditions that a conjunction is made of. */
function conditionsIn(condition: Expr): readonly Expr[] {
  if (condition.kind !== "logic" || condition.op !== "and") return [condition];
  return [...conditionsIn(condition.left), ...conditionsIn(condition.right)];
}

/** The grid of a launch that `brokenConditions` allows. */
export function evaluateGrid(kernel: Kernel, values: LaunchValues): Triple<number> {
  const [x, y, z] = kernel.grid;
  const blocks = (extent: Expr): number => Number(evaluateSize(extent, values));
  return [blocks(x), blocks(y), blocks(z)];
}

/** The given sizes, with those that `where` derives from them. */
export function withDerived(
  { where }: Kernel,
  given: Readonly<Record<string, bigint>>,
): Readonly<Record<string, bigint>> {
  const dims: Record<string, bigint> = { ...given };
  for (const { dim, value } of where) dims[dim] = evaluateSize(value, { dims, scalars: {} });
  return dims;
}

/** The extents of a tensor, outermost first. */
export function shapeAt({ shape }: TensorParam, values: LaunchValues): readonly number[] {
  return shape.map((extent) => Number(evaluateSize(extent, values)));
}

/** An integer over dimensions and scalars, exactly. A division by a value ≤ 0 is a defect of the caller. */
export function evaluateSize(expr: Expr, values: LaunchValues): bigint {
  const value = evaluate(expr, values);
  if (typeof value === "bigint") return value;
  throw new InternalError(`${printExpr(expr)} has no integer value with ${describeValues(values)}`);
}

/** `undefined` where a divisor is not positive. */
function evaluate(expr: Expr, values: LaunchValues): bigint | number | boolean | undefined {
  switch (expr.kind) {
    case "int":
    case "bool":
      return expr.value;
    case "float":
      return Math.fround(expr.value);
    case "dim":
      return sizeOf(values, expr.name);
    case "scalar": {
      const value = scalarOf(values, expr.name);
      return expr.type === "f32" ? Math.fround(value) : BigInt(value);
    }
    case "neg": {
      const value = evaluate(expr.value, values);
      return typeof value === "bigint" || typeof value === "number" ? -value : undefined;
    }
    case "not": {
      const value = evaluate(expr.value, values);
      return typeof value === "boolean" ? !value : undefined;
    }
    case "int-op": {
      const [left, right] = [evaluate(expr.left, values), evaluate(expr.right, values)];
      if (typeof left !== "bigint" || typeof right !== "bigint") return undefined;
      if ((expr.op === "div" || expr.op === "mod") && right <= 0n) return undefined;
      return foldInt(expr.op, left, right);
    }
    case "float-op": {
      const [left, right] = [evaluate(expr.left, values), evaluate(expr.right, values)];
      return typeof left === "number" && typeof right === "number" ? FLOAT_OP[expr.op](left, right) : undefined;
    }
    case "compare": {
      const [left, right] = [evaluate(expr.left, values), evaluate(expr.right, values)];
      if (typeof left === "bigint" && typeof right === "bigint") return foldCompare(expr.op, left, right);
      if (typeof left === "number" && typeof right === "number") return foldCompare(expr.op, left, right);
      return undefined;
    }
    case "logic": {
      const left = evaluate(expr.left, values);
      const decided = expr.op === "or";
      return left === undefined || left === decided ? left : evaluate(expr.right, values);
    }
    case "select": {
      const cond = evaluate(expr.cond, values);
      return cond === undefined ? undefined : evaluate(cond ? expr.then : expr.else, values);
    }
    case "cast": {
      const value = evaluate(expr.value, values);
      // A bigint beyond 2⁵³ is rounded twice; the launcher compares sizes as integers.
      return value === undefined ? undefined : Math.fround(Number(value));
    }
    case "call":
      return evaluateCall(expr, values);
    case "round":
    case "random":
    case "local":
    case "index":
    case "load":
    case "ghost":
      throw new InternalError(`${printExpr(expr)} is not known at launch`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function evaluateCall({ fn, args }: CallExpr, values: LaunchValues): number | undefined {
  const numbers = args.map((argument) => evaluate(argument, values));
  const [a, b, c] = numbers;
  if (typeof a !== "number") return undefined;
  switch (fn) {
    case "exp":
    case "log":
    case "erf":
    case "tanh":
    case "sqrt":
    case "abs":
      return FLOAT_FUNCTION[fn](a);
    case "min":
    case "max":
      return typeof b === "number" ? FLOAT_FUNCTION[fn](a, b) : undefined;
    case "fma":
      return typeof b === "number" && typeof c === "number" ? FLOAT_FUNCTION[fn](a, b, c) : undefined;
    default:
      fn satisfies never;
      throw new InternalError("unknown function");
  }
}

function sizeOf(values: LaunchValues, name: string): bigint {
  const size = values.dims[name];
  if (size === undefined) throw new InternalError(`the dimension ${name} has no size`);
  return size;
}

function scalarOf(values: LaunchValues, name: string): number {
  const value = values.scalars[name];
  if (value === undefined) throw new InternalError(`the scalar ${name} has no value`);
  return value;
}

/** `B = 1, K = 0, epsilon = 0.00001` */
function describeValues({ dims, scalars }: LaunchValues): string {
  const sizes = [...Object.entries(dims), ...Object.entries(scalars)].map(([name, value]) => `${name} = ${value}`);
  return sizes.length === 0 ? "no sizes" : sizes.join(", ");
}
