/**
 * Kernels with atomic steps, vector accesses and wave barriers for tests of the code generator, built by hand. Their
 * meaning in plain JavaScript stands in the test.
 */

import { add, castToFloat, ceilDiv, compare, dim, floatOp, int, intOp, mul } from "../../src/ir/kernel/build.ts";
import type { ElementType } from "../../src/ir/kernel/elements.ts";
import type { ArrayRef, Expr } from "../../src/ir/kernel/expr.ts";
import type { AtomicOp, Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import {
  barrier,
  block,
  constant,
  f32At,
  global,
  inGlobal,
  inRegister,
  inShared,
  intAt,
  intLocal,
  kernelOf,
  loop,
  register,
  shared,
  store,
  tensor,
  thread,
  when,
} from "./codegen-ir.ts";

const span = NO_SPAN;
const [B, N] = [dim("B"), dim("N")];

const waveBarrier: Stmt = { kind: "barrier", scope: "wave", span };

const atomic = (op: AtomicOp, array: ArrayRef, index: readonly Expr[], value: Expr): Stmt => ({
  kind: "atomic",
  op,
  array,
  index,
  value,
  span,
});

const vector = (
  direction: "load" | "store",
  registers: string,
  lanes: number,
  array: ArrayRef,
  ...index: readonly Expr[]
): Stmt => ({
  kind: "vector",
  direction,
  registers: { array: registers, index: [] },
  lanes: BigInt(lanes),
  array,
  index,
  span,
});

export const BINS = 16;
const THREADS = 64;

/**
 * counts[k] += how many keys are k; wrapped[0] = −2³¹ + the number of keys, as additions of 2³¹ − 1 and of 2 leave it; largest[k],
 * smallest[k]: the last and first position of key k in its block of 64 keys, over all such blocks
 */
export const histogram: Kernel = (() => {
  const [i, key] = [intLocal("i"), intLocal("key")];
  const bins = (name: string) => ({ ...shared(name, BINS), element: "i32" as const });
  const leader = compare("lt", thread(0), int(BINS));
  const own = (name: string): Expr => intAt(inShared(name), thread(0));
  return kernelOf({
    name: "histogram",
    params: [
      tensor("keys", "input", "i32", [N]),
      tensor("counts", "inout", "i32", [int(BINS)]),
      tensor("wrapped", "inout", "i32", [int(1)]),
      tensor("largest", "inout", "i32", [int(BINS)]),
      tensor("smallest", "inout", "i32", [int(BINS)]),
    ],
    dims: ["N"],
    grid: [ceilDiv(N, int(THREADS))],
    block: [THREADS],
    arrays: [bins("local"), bins("high"), bins("low")],
    body: [
      constant("i", global(0, THREADS)),
      when(leader, [
        store(inShared("local"), [thread(0)], int(0)),
        store(inShared("high"), [thread(0)], int(-1)),
        store(inShared("low"), [thread(0)], int(THREADS)),
      ]),
      barrier,
      when(compare("lt", i, N), [
        constant("key", intAt(inGlobal("keys"), i)),
        atomic("add", inShared("local"), [key], int(1)),
        atomic("max", inShared("high"), [key], thread(0)),
        atomic("min", inShared("low"), [key], thread(0)),
        atomic("add", inGlobal("wrapped"), [int(0)], int(2 ** 31 - 1)),
        atomic("add", inGlobal("wrapped"), [int(0)], int(2)),
      ]),
      barrier,
      when(leader, [
        atomic("add", inGlobal("counts"), [thread(0)], own("local")),
        atomic("max", inGlobal("largest"), [thread(0)], own("high")),
        atomic("min", inGlobal("smallest"), [thread(0)], own("low")),
      ]),
    ],
  });
})();

/** For each element type: sum[0] += x[i] (wrapping), low[0] = min(low[0], x[i]), high[0] = max(high[0], x[i]) */
export const extremes: Kernel = (() => {
  const types: readonly Exclude<ElementType, "f32">[] = ["i32", "u32", "i64"];
  const i = intLocal("i");
  const steps = types.flatMap((type) => {
    const value = intAt(inGlobal(`x_${type}`), i);
    return [
      atomic("add", inGlobal(`sum_${type}`), [int(0)], value),
      atomic("min", inGlobal(`low_${type}`), [int(0)], value),
      atomic("max", inGlobal(`high_${type}`), [int(0)], value),
    ];
  });
  return kernelOf({
    name: "extremes",
    params: types.flatMap((type) => [
      tensor(`x_${type}`, "input", type, [N]),
      ...["sum", "low", "high"].map((what) => tensor(`${what}_${type}`, "inout", type, [int(1)])),
    ]),
    dims: ["N"],
    grid: [ceilDiv(N, int(8))],
    block: [8],
    body: [constant("i", global(0, 8)), when(compare("lt", i, N), steps)],
  });
})();

const ROW = 64;

/**
 * y[b, n] = x[b, n ^ lanes] + n for f32 rows of 64, and z[b, n] likewise of i32: each thread moves `lanes` elements of a
 * row through shared memory, whose rows it exchanges with its neighbour in the wave
 */
export function exchange(lanes: 2 | 4 | 8 | 16): Kernel {
  const threads = ROW / lanes;
  const first = intLocal("first");
  const c = intLocal("c");
  const [v, w] = [inRegister("v"), inRegister("w")];
  const other = mul(intLocal("neighbour"), int(lanes));
  const [xs, zs] = [inShared("xs"), inShared("zs")];
  return kernelOf({
    name: `exchange_${lanes}`,
    params: [
      tensor("x", "input", "f32", [B, int(ROW)]),
      tensor("y", "output", "f32", [B, int(ROW)]),
      tensor("k", "input", "i32", [B, int(ROW)]),
      tensor("z", "output", "i32", [B, int(ROW)]),
    ],
    dims: ["B"],
    grid: [B],
    block: [threads],
    arrays: [
      // An odd number of elements before the others shows whether they are aligned by their declaration.
      shared("odd", 1),
      shared("xs", ROW),
      { ...shared("zs", ROW), element: "i32" },
      register("v", lanes),
      { ...register("w", lanes), element: "i32" },
    ],
    body: [
      constant("first", mul(thread(0), int(lanes))),
      constant("neighbour", add(thread(0), add(int(1), mul(int(-2), intOp("mod", thread(0), int(2)))))),
      vector("load", "v", lanes, inGlobal("x"), block(0), first),
      vector("load", "w", lanes, inGlobal("k"), block(0), first),
      when(compare("eq", thread(0), int(0)), [store(inShared("odd"), [int(0)], castToFloat(int(0)))]),
      vector("store", "v", lanes, xs, first),
      vector("store", "w", lanes, zs, first),
      waveBarrier,
      vector("load", "v", lanes, xs, other),
      vector("load", "w", lanes, zs, other),
      loop(
        "c",
        int(0),
        int(lanes),
        [
          store(
            v,
            [c],
            floatOp("add", f32At(v, c), floatOp("add", castToFloat(add(first, c)), f32At(inShared("odd"), int(0)))),
          ),
          store(w, [c], add(intAt(w, c), add(first, c))),
        ],
        { unroll: true },
      ),
      vector("store", "v", lanes, inGlobal("y"), block(0), first),
      vector("store", "w", lanes, inGlobal("z"), block(0), first),
    ],
  });
}
