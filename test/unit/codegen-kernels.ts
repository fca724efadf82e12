/**
 * Kernels with barriers for tests of the code generator, built by hand: what the CPU target has to split into regions.
 * Their meaning in plain JavaScript stands in the test of the library.
 */

import {
  add,
  call,
  castToFloat,
  ceilDiv,
  compare,
  dim,
  float,
  floatOp,
  int,
  intOp,
  logic,
  mul,
  scalar,
  select,
  sub,
} from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import {
  barrier,
  block,
  constant,
  doubling,
  f32At,
  f32Local,
  global,
  halving,
  inGlobal,
  inRegister,
  inShared,
  intAt,
  intLocal,
  kernelOf,
  loop,
  register,
  scalarParam,
  set,
  shared,
  store,
  tensor,
  thread,
  variable,
  when,
} from "./codegen-ir.ts";

const lt = (left: Expr, right: Expr): Expr => compare("lt", left, right);
const ge = (left: Expr, right: Expr): Expr => compare("ge", left, right);
const and = (left: Expr, right: Expr): Expr => logic("and", left, right);
const plus = (left: Expr, right: Expr): Expr => floatOp("add", left, right);
const minus = (left: Expr, right: Expr): Expr => floatOp("sub", left, right);
const times = (left: Expr, right: Expr): Expr => floatOp("mul", left, right);
const over = (left: Expr, right: Expr): Expr => floatOp("div", left, right);
const [B, K, N] = [dim("B"), dim("K"), dim("N")];

const TILE = 16;

/** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n], through tiles in shared memory */
export const linear: Kernel = (() => {
  const [b, n, row, k0, k] = [intLocal("b"), intLocal("n"), intLocal("row"), intLocal("k0"), intLocal("k")];
  const column = add(k0, thread(0));
  const [xs, ws] = [inShared("xs"), inShared("ws")];
  const guarded = (row: Expr, rows: Expr, name: string): Expr =>
    select(and(lt(row, rows), lt(column, K)), f32At(inGlobal(name), row, column), float(0));
  const product = times(f32At(xs, thread(1), k), f32At(ws, thread(0), k));
  return kernelOf({
    name: "linear",
    doc: "y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n]",
    params: [
      tensor("x", "input", "f32", [B, K]),
      tensor("w", "input", "f32", [N, K]),
      tensor("bias", "input", "f32", [N]),
      tensor("y", "output", "f32", [B, N]),
    ],
    dims: ["B", "K", "N"],
    grid: [ceilDiv(N, int(TILE)), ceilDiv(B, int(TILE))],
    block: [TILE, TILE],
    arrays: [shared("xs", TILE, TILE), shared("ws", TILE, TILE + 1)],
    body: [
      constant("b", global(1, TILE)),
      constant("n", global(0, TILE)),
      constant("row", add(mul(block(0), int(TILE)), thread(1))),
      variable("acc", float(0)),
      loop(
        "k0",
        int(0),
        K,
        [
          store(xs, [thread(1), thread(0)], guarded(b, B, "x")),
          store(ws, [thread(1), thread(0)], guarded(row, N, "w")),
          barrier,
          loop("k", int(0), int(TILE), [set("acc", plus(f32Local("acc"), product))], { unroll: true }),
          barrier,
        ],
        { step: TILE },
      ),
      when(and(lt(b, B), lt(n, N)), [store(inGlobal("y"), [b, n], plus(f32Local("acc"), f32At(inGlobal("bias"), n)))]),
    ],
  });
})();

const THREADS = 64;

/** y = (x − mean) / sqrt(variance + epsilon) per row: tree reductions, and values that live across barriers */
export const normalise: Kernel = (() => {
  const partial = inShared("partial");
  const own = f32At(partial, thread(0));
  const n = intLocal("n");
  const x = f32At(inGlobal("x"), intLocal("b"), n);
  const tree = (s: string) =>
    halving(s, THREADS / 2, [
      when(lt(thread(0), intLocal(s)), [
        store(partial, [thread(0)], plus(own, f32At(partial, add(thread(0), intLocal(s))))),
      ]),
      barrier,
    ]);
  const columns = (counter: string, body: readonly ReturnType<typeof set>[]) =>
    loop(counter, thread(0), N, body, { step: THREADS });
  const at = (name: string): Expr => f32At(inGlobal("x"), intLocal("b"), intLocal(name));
  return kernelOf({
    name: "normalise",
    params: [tensor("x", "input", "f32", [B, N]), scalarParam("epsilon", "f32"), tensor("y", "output", "f32", [B, N])],
    dims: ["B", "N"],
    requires: [compare("gt", scalar("epsilon", "f32"), float(0)), ge(N, int(1))],
    grid: [B],
    block: [THREADS],
    arrays: [shared("partial", THREADS)],
    body: [
      constant("b", block(0)),
      variable("sum", float(0)),
      columns("n", [set("sum", plus(f32Local("sum"), x))]),
      store(partial, [thread(0)], f32Local("sum")),
      barrier,
      tree("s"),
      constant("mean", over(f32At(partial, int(0)), castToFloat(N))),
      barrier,
      variable("squares", float(0)),
      columns("m", [
        constant("centred", minus(at("m"), f32Local("mean"))),
        set("squares", plus(f32Local("squares"), times(f32Local("centred"), f32Local("centred")))),
      ]),
      store(partial, [thread(0)], f32Local("squares")),
      barrier,
      tree("r"),
      constant(
        "scale",
        over(float(1), call("sqrt", [plus(over(f32At(partial, int(0)), castToFloat(N)), scalar("epsilon", "f32"))])),
      ),
      columns("o", [
        store(
          inGlobal("y"),
          [intLocal("b"), intLocal("o")],
          times(minus(at("o"), f32Local("mean")), f32Local("scale")),
        ),
      ]),
    ],
  });
})();

const RING = 8;

/**
 * Each block rotates its RING values `rounds[block]` times, by 1 in even rounds, and by 0 in odd ones, where no barrier is
 * reached; barriers stand in a uniform `if` in a loop whose bound each thread keeps in a register array. Then a doubling prefix sum.
 */
export const rotate: Kernel = (() => {
  const ring = inShared("ring");
  const t = intLocal("t");
  const from = intLocal("from");
  return kernelOf({
    name: "rotate",
    params: [
      tensor("x", "input", "f32", [B, int(RING)]),
      tensor("rounds", "input", "i32", [B]),
      tensor("y", "output", "f32", [B, int(RING)]),
    ],
    dims: ["B"],
    grid: [B],
    block: [RING],
    arrays: [shared("ring", RING), { ...register("bound", 1), element: "i32" }],
    body: [
      constant("from", intOp("mod", add(thread(0), int(1)), int(RING))),
      variable("turns", int(0)),
      store(inRegister("bound"), [int(0)], intAt(inGlobal("rounds"), block(0))),
      store(ring, [thread(0)], f32At(inGlobal("x"), block(0), thread(0))),
      barrier,
      loop("t", int(0), intAt(inRegister("bound"), int(0)), [
        when(
          compare("eq", intOp("mod", t, int(2)), int(0)),
          [
            constant("moved", f32At(ring, from)),
            barrier,
            store(ring, [thread(0)], f32Local("moved")),
            set("turns", add(intLocal("turns"), int(1))),
            barrier,
          ],
          [set("turns", add(intLocal("turns"), int(100)))],
        ),
      ]),
      doubling("s", RING / 2, [
        constant("before", select(ge(thread(0), intLocal("s")), f32At(ring, sub(thread(0), intLocal("s"))), float(0))),
        barrier,
        store(ring, [thread(0)], plus(f32At(ring, thread(0)), f32Local("before"))),
        barrier,
      ]),
      store(inGlobal("y"), [block(0), thread(0)], plus(f32At(ring, thread(0)), castToFloat(intLocal("turns")))),
    ],
  });
})();
