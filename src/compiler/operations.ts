/**
 * What a kernel computes at given sizes: kernel IR and sizes in, floating-point operations out.
 *
 * *Executed* are those of every thread of the grid, those beyond the edges of a tensor too; *useful* those of the operation that the
 * kernel claims. A multiplication and an addition are one each, `fma` is two; other functions count as none.
 */

import type { Expr } from "../ir/kernel/expr.ts";
import { ELEMENT_BYTES } from "../ir/kernel/limits.ts";
import { FRAGMENT, MATRIX_LAYOUTS, type MatrixUnit } from "../ir/kernel/matrix.ts";
import type { Kernel, Stmt } from "../ir/kernel/types.ts";
import { children, statementExprs } from "../ir/kernel/walk.ts";
import { InternalError } from "../support/result.ts";

export type Sizes = Readonly<Record<string, number>>;

/** Claims of a product of two matrices, with whatever is done to it afterwards. */
const PRODUCTS: readonly string[] = [
  "linear",
  "linear_gelu",
  "linear_gelu_tanh",
  "linear_layer_norm_gelu",
  "linear_layer_norm_gelu_tanh",
  "matmul",
  "matmul_nn",
  "matmul_nn_gelu_dx",
  "matmul_nn_gelu_tanh_dx",
  "matmul_tn",
];

/** Whether the kernel claims a product of two matrices, whose three dimensions are all that it has. */
export function isProduct({ computes, dims }: Kernel): boolean {
  return computes !== undefined && PRODUCTS.includes(computes) && dims.length === 3;
}

/**
 * Of a claimed product of matrices, M×K by K×N: 2·M·N·K. `undefined` for other claims. Whichever of them is transposed, M·N·K is
 * √(M·K · K·N · M·N), the root of the product of the three sizes.
 */
export function usefulOperations(kernel: Kernel, sizes: Sizes): number | undefined {
  if (kernel.computes === undefined || !PRODUCTS.includes(kernel.computes)) return undefined;
  const matrices = kernel.params.flatMap((param) =>
    param.kind === "tensor" && param.shape.length === 2 ? [param] : [],
  );
  const [left, right] = matrices.filter(({ role }) => role === "input");
  const result = matrices.find(({ role }) => role !== "input");
  if (left === undefined || right === undefined || result === undefined) return undefined;
  const counts = [left, right, result].map(({ shape }) => elementsOf(shape, sizes));
  return 2 * Math.round(Math.sqrt(counts.reduce((product, count) => product * count, 1)));
}

/** Of all tensor parameters, each once. */
export function tensorBytes({ params }: Kernel, sizes: Sizes): number {
  return params.reduce(
    (sum, param) =>
      param.kind === "tensor" ? sum + elementsOf(param.shape, sizes) * Number(ELEMENT_BYTES[param.element]) : sum,
    0,
  );
}

/** Blocks of the grid. */
export function gridBlocks({ grid }: Kernel, sizes: Sizes): number {
  return elementsOf(grid, sizes);
}

/**
 * Executed by each thread. Of an `if` the longer side counts; a loop has the rounds of the first thread of the first block.
 * `undefined` where these depend on data.
 */
export function operationsPerThread(kernel: Kernel, sizes: Sizes): number | undefined {
  return ofBlock(kernel.body, startOf(sizes, kernel.matrix));
}

interface State {
  readonly sizes: Sizes;
  /** Of a wave, where its lanes share the operations of matrix instructions. */
  readonly lanes: number;
  /** Integer locals whose values are known; what is not in here is not. */
  readonly locals: Map<string, number>;
}

function startOf(sizes: Sizes, matrix?: MatrixUnit): State {
  const lanes = matrix === undefined ? 1 : Number(MATRIX_LAYOUTS[matrix].lanes);
  return { sizes, lanes, locals: new Map() };
}

/** Of a tensor with these extents. */
export function elementsOf(shape: readonly Expr[], sizes: Sizes): number {
  return shape.reduce((product, extent) => {
    const size = integer(extent, startOf(sizes));
    if (size === undefined) throw new InternalError("an extent is not made of sizes");
    return product * size;
  }, 1);
}

function ofBlock(body: readonly Stmt[], state: State): number | undefined {
  return sum(body.map((stmt) => ofStmt(stmt, state)));
}

function ofStmt(stmt: Stmt, state: State): number | undefined {
  const own = stmt.kind === "for" ? 0 : statementExprs(stmt).reduce((total, expr) => total + ofExpr(expr), 0);
  switch (stmt.kind) {
    case "let":
    case "assign": {
      const value = stmt.type === "int" ? integer(stmt.value, state) : undefined;
      if (value === undefined) state.locals.delete(stmt.name);
      else state.locals.set(stmt.name, value);
      return own;
    }
    case "store":
    case "atomic":
    case "vector":
    case "fragment":
    case "barrier":
      return own;
    case "mma":
      return own + (2 * Number(FRAGMENT ** 3n)) / state.lanes;
    case "if": {
      const [then, other] = [ofBlock(stmt.then, state), ofBlock(stmt.else, state)];
      return then === undefined || other === undefined ? undefined : own + Math.max(then, other);
    }
    case "for": {
      const [lo, hi] = [integer(stmt.lo, state), integer(stmt.hi, state)];
      if (lo !== undefined) state.locals.set(stmt.counter, lo);
      const once = ofBlock(stmt.body, state);
      if (once === 0) return 0;
      if (lo === undefined || hi === undefined || once === undefined) return undefined;
      return Math.max(0, Math.ceil((hi - lo) / Number(stmt.step))) * once;
    }
    case "steps":
      return sum(
        stmt.values.map((value) => {
          state.locals.set(stmt.counter, Number(value));
          return ofBlock(stmt.body, state);
        }),
      );
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

function sum(parts: readonly (number | undefined)[]): number | undefined {
  return parts.reduce<number | undefined>(
    (total, part) => (total === undefined || part === undefined ? undefined : total + part),
    0,
  );
}

function ofExpr(expr: Expr): number {
  const below = children(expr).reduce((total, child) => total + ofExpr(child), 0);
  if (expr.kind === "float-op") return below + (expr.op === "div" ? 0 : 1);
  if (expr.kind !== "call") return below;
  return below + (expr.fn === "fma" ? 2 : expr.fn === "min" || expr.fn === "max" ? 1 : 0);
}

/** The value for the first thread of the first block. */
function integer(expr: Expr, state: State): number | undefined {
  switch (expr.kind) {
    case "int":
      return Number(expr.value);
    case "dim":
      return state.sizes[expr.name];
    case "local":
      return state.locals.get(expr.name);
    case "index":
      return 0;
    case "neg": {
      const value = integer(expr.value, state);
      return value === undefined ? undefined : -value;
    }
    case "int-op": {
      const [a, b] = [integer(expr.left, state), integer(expr.right, state)];
      return a === undefined || b === undefined ? undefined : OPERATIONS[expr.op](a, b);
    }
    default:
      return undefined;
  }
}

const OPERATIONS = {
  add: (a: number, b: number) => a + b,
  sub: (a: number, b: number) => a - b,
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => Math.floor(a / b),
  mod: (a: number, b: number) => a - b * Math.floor(a / b),
  min: Math.min,
  max: Math.max,
} as const;
