/** Short names for kernel IR built by hand, and the sample kernels that tests of the IR share. */

import {
  add,
  call,
  castToFloat,
  ceilDiv,
  compare,
  dim,
  float,
  floatOp,
  index,
  int,
  load,
  local,
  logic,
  mul,
  select,
} from "../../src/ir/kernel/build.ts";
import type { ElementType, ScalarType } from "../../src/ir/kernel/elements.ts";
import type { Axis, Expr, Space } from "../../src/ir/kernel/expr.ts";
import type {
  AssignStmt,
  AtomicOp,
  AtomicStmt,
  BarrierScope,
  BarrierStmt,
  DataCondition,
  ForStmt,
  IfStmt,
  Kernel,
  LetStmt,
  LocalArray,
  Role,
  ScalarParam,
  StepsStmt,
  Stmt,
  StoreStmt,
  TensorParam,
  VectorStmt,
} from "../../src/ir/kernel/types.ts";
import { NO_SPAN } from "../../src/support/span.ts";

const span = NO_SPAN;

export const thread = (axis: Axis = 0): Expr => index("thread", axis);
export const block = (axis: Axis = 0): Expr => index("block", axis);
export const i = (name: string): Expr => local(name, "int");
export const f = (name: string): Expr => local(name, "f32");
export const lt = (left: Expr, right: Expr): Expr => compare("lt", left, right);
export const and = (left: Expr, right: Expr): Expr => logic("and", left, right);

const readFrom =
  (space: Space, type: ScalarType) =>
  (name: string, ...at: readonly Expr[]): Expr =>
    load({ space, name }, type, at);
export const read = readFrom("global", "f32");
export const readInt = readFrom("global", "int");
export const readShared = readFrom("shared", "f32");
export const readSharedInt = readFrom("shared", "int");
export const readRegister = readFrom("register", "f32");
export const readRegisterInt = readFrom("register", "int");

const storeTo =
  (space: Space) =>
  (name: string, at: readonly Expr[], value: Expr): StoreStmt => ({
    kind: "store",
    array: { space, name },
    index: at,
    value,
    span,
  });
export const store = storeTo("global");
export const storeShared = storeTo("shared");
export const storeRegister = storeTo("register");

export const constant = (name: string, value: Expr): LetStmt => ({
  kind: "let",
  name,
  type: value.type,
  mutable: false,
  value,
  span,
});
export const variable = (name: string, value: Expr): LetStmt => ({ ...constant(name, value), mutable: true });
export const assign = (name: string, value: Expr): AssignStmt => ({
  kind: "assign",
  name,
  type: value.type,
  value,
  span,
});
export const when = (cond: Expr, then: readonly Stmt[], otherwise: readonly Stmt[] = []): IfStmt => ({
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
  more: Partial<Pick<ForStmt, "step" | "unroll" | "invariants">> = {},
): ForStmt => ({ kind: "for", counter, lo, hi, step: 1n, unroll: false, invariants: [], body, span, ...more });
/** From `first` down to 1, halving. */
export const halving = (counter: string, first: bigint, body: readonly Stmt[]): StepsStmt => {
  const values: bigint[] = [];
  for (let value = first; value > 0n; value /= 2n) values.push(value);
  return { kind: "steps", counter, values, update: { op: "div", factor: 2n }, body, span };
};
export const barrier = (scope: BarrierScope = "block"): BarrierStmt => ({ kind: "barrier", scope, span });
export const atomic = (op: AtomicOp, space: Space, name: string, at: readonly Expr[], value: Expr): AtomicStmt => ({
  kind: "atomic",
  op,
  array: { space, name },
  index: at,
  value,
  span,
});
export const vectorOf = (
  direction: VectorStmt["direction"],
  registers: string,
  lanes: bigint,
  space: Space,
  name: string,
  at: readonly Expr[],
): VectorStmt => ({
  kind: "vector",
  direction,
  registers: { array: registers, index: [] },
  lanes,
  array: { space, name },
  index: at,
  span,
});
/** `forall([extent…], (variable…) => condition)` */
export const forall = (variables: Readonly<Record<string, Expr>>, condition: Expr): DataCondition => ({
  variables: Object.entries(variables).map(([name, extent]) => ({ name, extent })),
  condition,
  span,
});

export const tensor = (
  name: string,
  role: Role,
  shape: readonly Expr[],
  element: ElementType = "f32",
): TensorParam => ({
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
export const array = (
  space: "shared" | "register",
  name: string,
  shape: readonly bigint[],
  element: LocalArray["element"] = "f32",
): LocalArray => ({ space, name, element, shape, span });

/** A kernel of one block of one thread, but for what is given. */
export function kernelOf(parts: Partial<Kernel>): Kernel {
  return {
    name: "sample",
    doc: "",
    params: [],
    dims: [],
    where: [],
    requires: [],
    dataRequires: [],
    ensures: [],
    covers: [],
    computes: undefined,
    indexWidth: "auto",
    matrix: undefined,
    simd: undefined,
    performance: undefined,
    budget: undefined,
    grid: [int(1), int(1), int(1)],
    block: [1n, 1n, 1n],
    arrays: [],
    body: [],
    span,
    ...parts,
  };
}

const [B, K, N] = [dim("B"), dim("K"), dim("N")];

/** y[b,n] = Σₖ x[b,k]·w[n,k], in tiles through shared memory; any sizes. */
export function tiledMatmul(tile: number): Kernel {
  const extent = BigInt(tile);
  const [b, n, row, k0, k] = [i("b"), i("n"), i("row"), i("k0"), i("k")];
  const column = add(k0, thread(0));
  return kernelOf({
    name: "matmul",
    params: [tensor("x", "input", [B, K]), tensor("w", "input", [N, K]), tensor("y", "output", [B, N])],
    dims: ["B", "K", "N"],
    computes: "matmul",
    grid: [ceilDiv(B, int(tile)), ceilDiv(N, int(tile)), int(1)],
    block: [extent, extent, 1n],
    arrays: [array("shared", "xs", [extent, extent]), array("shared", "ws", [extent, extent + 1n])],
    body: [
      constant("b", add(mul(block(0), int(tile)), thread(1))),
      constant("n", add(mul(block(1), int(tile)), thread(0))),
      constant("row", add(mul(block(1), int(tile)), thread(1))),
      variable("acc", float(0)),
      loop(
        "k0",
        int(0),
        K,
        [
          storeShared(
            "xs",
            [thread(1), thread(0)],
            select(and(lt(b, B), lt(column, K)), read("x", b, column), float(0)),
          ),
          storeShared(
            "ws",
            [thread(1), thread(0)],
            select(and(lt(row, N), lt(column, K)), read("w", row, column), float(0)),
          ),
          barrier(),
          loop("k", int(0), int(tile), [
            assign("acc", call("fma", [readShared("xs", thread(1), k), readShared("ws", thread(0), k), f("acc")])),
          ]),
          barrier(),
        ],
        { step: extent },
      ),
      when(and(lt(b, B), lt(n, N)), [store("y", [b, n], f("acc"))]),
    ],
  });
}

/** y[b] = mean of x[b,·]: each thread sums a part of the row, a tree sums the threads. */
export function rowMean(threads: bigint): Kernel {
  const [n, s] = [i("n"), i("s")];
  return kernelOf({
    name: "row_mean",
    params: [tensor("x", "input", [B, N]), tensor("y", "output", [B])],
    dims: ["B", "N"],
    grid: [B, int(1), int(1)],
    block: [threads, 1n, 1n],
    arrays: [array("shared", "partial", [threads])],
    body: [
      variable("sum", float(0)),
      loop("n", thread(), N, [assign("sum", floatOp("add", f("sum"), read("x", block(), n)))], { step: threads }),
      storeShared("partial", [thread()], f("sum")),
      barrier(),
      halving("s", threads / 2n, [
        when(lt(thread(), s), [
          storeShared(
            "partial",
            [thread()],
            floatOp("add", readShared("partial", thread()), readShared("partial", add(thread(), s))),
          ),
        ]),
        barrier(),
      ]),
      when(compare("eq", thread(), int(0)), [
        store("y", [block()], floatOp("div", readShared("partial", int(0)), castToFloat(N))),
      ]),
    ],
  });
}
