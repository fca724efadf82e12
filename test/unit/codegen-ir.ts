/** Short names for kernel IR, to build kernels by hand in tests of the code generator. */

import { add, index, int, load, local, mul } from "../../src/ir/kernel/build.ts";
import type { ElementType } from "../../src/ir/kernel/elements.ts";
import type { ArrayRef, Axis, Expr } from "../../src/ir/kernel/expr.ts";
import type { IndexWidth } from "../../src/ir/kernel/limits.ts";
import type { Kernel, LocalArray, Role, ScalarParam, Stmt, TensorParam, Triple } from "../../src/ir/kernel/types.ts";
import { sha256 } from "../../src/support/hash.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import { certify, type ProvedKernel } from "../../src/verify/certificate.ts";

const span = NO_SPAN;

export const thread = (axis: Axis): Expr => index("thread", axis);
export const block = (axis: Axis): Expr => index("block", axis);
/** `block.a * threads + thread.a` */
export const global = (axis: Axis, threads: number): Expr => add(mul(block(axis), int(threads)), thread(axis));

export const tensor = (name: string, role: Role, element: ElementType, shape: readonly Expr[]): TensorParam => ({
  kind: "tensor",
  name,
  role,
  element,
  shape,
  span,
});
export const scalarParam = (name: string, element: ScalarParam["element"]): ScalarParam => ({
  kind: "scalar",
  name,
  element,
  span,
});
export const shared = (name: string, ...shape: readonly number[]): LocalArray => ({
  space: "shared",
  name,
  element: "f32",
  shape: shape.map(BigInt),
  span,
});
export const register = (name: string, ...shape: readonly number[]): LocalArray => ({
  ...shared(name, ...shape),
  space: "register",
});

export const inGlobal = (name: string): ArrayRef => ({ space: "global", name });
export const inShared = (name: string): ArrayRef => ({ space: "shared", name });
export const inRegister = (name: string): ArrayRef => ({ space: "register", name });
export const f32At = (array: ArrayRef, ...indices: readonly Expr[]): Expr => load(array, "f32", indices);
export const intAt = (array: ArrayRef, ...indices: readonly Expr[]): Expr => load(array, "int", indices);
export const f32Local = (name: string): Expr => local(name, "f32");
export const intLocal = (name: string): Expr => local(name, "int");

export const constant = (name: string, value: Expr): Stmt => ({
  kind: "let",
  name,
  type: value.type,
  mutable: false,
  value,
  span,
});
export const variable = (name: string, value: Expr): Stmt => ({
  kind: "let",
  name,
  type: value.type,
  mutable: true,
  value,
  span,
});
export const set = (name: string, value: Expr): Stmt => ({ kind: "assign", name, type: value.type, value, span });
export const store = (array: ArrayRef, indices: readonly Expr[], value: Expr): Stmt => ({
  kind: "store",
  array,
  index: indices,
  value,
  span,
});
export const when = (cond: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): Stmt => ({
  kind: "if",
  cond,
  then,
  else: otherwise,
  span,
});
export const loop = (
  counter: string,
  lo: Expr,
  hi: Expr,
  body: readonly Stmt[],
  options: { readonly step?: number; readonly unroll?: boolean } = {},
): Stmt => ({
  kind: "for",
  counter,
  lo,
  hi,
  step: BigInt(options.step ?? 1),
  unroll: options.unroll ?? false,
  invariants: [],
  body,
  span,
});
/** `counter` = from, from/2, …, 1 */
export const halving = (counter: string, from: number, body: readonly Stmt[]): Stmt => {
  const values: bigint[] = [];
  for (let value = BigInt(from); value >= 1n; value /= 2n) values.push(value);
  return { kind: "steps", counter, values, update: { op: "div", factor: 2n }, body, span };
};
/** `counter` = 1, 2, 4, …, to */
export const doubling = (counter: string, to: number, body: readonly Stmt[]): Stmt => {
  const values: bigint[] = [];
  for (let value = 1n; value <= BigInt(to); value *= 2n) values.push(value);
  return { kind: "steps", counter, values, update: { op: "mul", factor: 2n }, body, span };
};
export const barrier: Stmt = { kind: "barrier", scope: "block", span };

type Given = Pick<Kernel, "name" | "params" | "dims" | "body"> & {
  readonly grid: readonly Expr[];
  readonly block: readonly number[];
};

/** A kernel of these parts; axes that are not given are 1. */
export function kernelOf(parts: Given & Partial<Pick<Kernel, "doc" | "where" | "requires" | "arrays">>): Kernel {
  const { grid, block: threads, ...rest } = parts;
  const triple = <T>(items: readonly T[], one: T): Triple<T> => [items[0] ?? one, items[1] ?? one, items[2] ?? one];
  return {
    doc: "",
    where: [],
    requires: [],
    dataRequires: [],
    ensures: [],
    covers: [],
    matrix: undefined,
    simd: undefined,
    arrays: [],
    computes: undefined,
    indexWidth: "auto",
    performance: undefined,
    budget: undefined,
    span,
    ...rest,
    grid: triple(grid, int(1)),
    block: triple(threads.map(BigInt), 1n),
  };
}

/** A certificate for a kernel of a test, whose safety the test's author vouches for. */
export function proved(kernel: Kernel, widths: readonly IndexWidth[] = [32, 64]): ProvedKernel {
  const certificate = certify(kernel, widths, [
    {
      id: `${kernel.name}/bounds/x#1`,
      kind: "bounds",
      kernel: kernel.name,
      span,
      statement: "the accesses stay within their tensors",
      failure: "",
      code: "TK301",
      verdict: "proved",
      solverMs: 0,
      query: "",
      expects: "unsat",
      queryHash: sha256(""),
    },
  ]);
  if (certificate === undefined) throw new Error(`${kernel.name} is not certified`);
  return certificate;
}
