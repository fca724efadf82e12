/** What whole kernels compute, against plain JavaScript, and the arithmetic of expressions. */

import { describe, expect, it } from "vitest";
import {
  add,
  call,
  castToFloat,
  compare,
  dim,
  float,
  floatOp,
  int,
  intOp,
  mul,
  neg,
  scalar,
  select,
  sub,
} from "../../src/ir/kernel/build.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import { denseTensor, evaluateSize, sparseTensor } from "../../src/ir/kernel/interpret.ts";
import type { Stmt } from "../../src/ir/kernel/types.ts";
import { noise, run, vector } from "./interpret-runs.ts";
import {
  and,
  array,
  assign,
  barrier,
  block,
  constant,
  f,
  halving,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readInt,
  readRegister,
  readShared,
  rowMean,
  scalarParam,
  store,
  storeRegister,
  storeShared,
  tensor,
  thread,
  tiledMatmul,
  variable,
  when,
} from "./kernel-ir-samples.ts";

const { fround } = Math;
const N = dim("N");
const clean = { faults: [], complete: true };

describe("a tiled matrix product through shared memory", () => {
  // The kernel adds in the order of k with fused steps, and padding adds exact zeros: each step is exact in double before
  // its one rounding, as the factors are multiples of 2⁻⁸ below 1.
  const coarse = (length: number, seed: number): Float32Array =>
    noise(length, seed).map((x) => Math.round(x * 256) / 256);
  it.each([
    [1, 1, 1],
    [3, 4, 5],
    [4, 4, 4],
    [5, 3, 9],
    [7, 11, 13],
    [8, 1, 2],
  ])("is right on B = %i, K = %i, N = %i", (rows, inner, columns) => {
    const [x, w] = [coarse(rows * inner, 1), coarse(columns * inner, 2)];
    const y = new Float32Array(rows * columns).fill(Number.NaN);
    const outcome = run(tiledMatmul(4), {
      dims: { B: BigInt(rows), K: BigInt(inner), N: BigInt(columns) },
      tensors: {
        x: denseTensor([rows, inner], x),
        w: denseTensor([columns, inner], w),
        y: denseTensor([rows, columns], y),
      },
      width: 32,
    });
    expect(outcome).toEqual(clean);
    const expected = Array.from(y, (_, at) => {
      const [b, n] = [Math.floor(at / columns), at % columns];
      let sum = 0;
      for (let k = 0; k < inner; k++) sum = fround((x[b * inner + k] ?? 0) * (w[n * inner + k] ?? 0) + sum);
      return sum;
    });
    expect([...y]).toEqual(expected);
  });

  it("writes zeros for K = 0 and runs nothing on an empty grid", () => {
    const empty = new Float32Array(0);
    const y = new Float32Array(2).fill(9);
    const kernel = tiledMatmul(4);
    const noInner = { x: denseTensor([2, 0], empty), w: denseTensor([1, 0], empty), y: denseTensor([2, 1], y) };
    expect(run(kernel, { dims: { B: 2n, K: 0n, N: 1n }, tensors: noInner })).toEqual(clean);
    expect([...y]).toEqual([0, 0]);
    const noRows = {
      x: denseTensor([0, 3], empty),
      w: denseTensor([1, 3], noise(3, 1)),
      y: denseTensor([0, 1], empty),
    };
    expect(run(kernel, { dims: { B: 0n, K: 3n, N: 1n }, tensors: noRows, maxSteps: 0 })).toEqual(clean);
  });
});

describe("a tree reduction by steps", () => {
  it.each([1, 7, 8, 9, 31])("is the mean of %i columns", (columns) => {
    const x = Float32Array.from({ length: 3 * columns }, (_, at) => (at * 37) % 101);
    const y = vector(3);
    const tensors = { x: denseTensor([3, columns], x), y: y.memory };
    expect(run(rowMean(8n), { dims: { B: 3n, N: BigInt(columns) }, tensors })).toEqual(clean);
    const means = [0, 1, 2].map((b) => {
      const row = x.subarray(b * columns, (b + 1) * columns);
      // Sums of small integers are exact in any order.
      return fround(row.reduce((sum, value) => sum + value, 0) / columns);
    });
    expect([...y.data]).toEqual(means);
  });

  it("runs steps without a barrier too", () => {
    const y = vector(1);
    const sum: Stmt[] = [
      variable("sum", int(0)),
      halving("h", 8n, [assign("sum", add(i("sum"), i("h")))]),
      store("y", [int(0)], castToFloat(i("sum"))),
    ];
    run(kernelOf({ params: [tensor("y", "output", [int(1)])], body: sum }), { tensors: { y: y.memory } });
    expect([...y.data]).toEqual([15]);
  });
});

describe("structure", () => {
  it("leaves early threads out of the rest, by the other branch", () => {
    const y = vector(6, () => -1);
    const at = add(mul(block(), int(4)), thread());
    const kernel = kernelOf({
      params: [tensor("y", "inout", [N])],
      dims: ["N"],
      grid: [int(2), int(1), int(1)],
      block: [4n, 1n, 1n],
      body: [
        constant("at", at),
        when(
          compare("ge", i("at"), N),
          [],
          [
            when(
              compare("eq", intOp("mod", i("at"), int(2)), int(1)),
              [],
              [store("y", [i("at")], castToFloat(i("at")))],
            ),
          ],
        ),
      ],
    });
    expect(run(kernel, { dims: { N: 6n }, tensors: { y: y.memory } })).toEqual(clean);
    expect([...y.data]).toEqual([0, -1, 2, -1, 4, -1]);
  });

  it("keeps registers and locals of each thread across barriers", () => {
    const y = vector(8);
    const unrolled = (counter: string, body: readonly Stmt[]): Stmt =>
      loop(counter, int(0), int(2), body, { unroll: true });
    const kernel = kernelOf({
      params: [tensor("y", "output", [int(4), int(2)])],
      block: [4n, 1n, 1n],
      arrays: [array("register", "acc", [2n]), array("shared", "s", [4n])],
      body: [
        variable("own", castToFloat(thread())),
        unrolled("a", [storeRegister("acc", [i("a")], castToFloat(i("a")))]),
        loop("k", int(0), int(3), [
          storeShared("s", [thread()], f("own")),
          barrier(),
          unrolled("b", [
            storeRegister(
              "acc",
              [i("b")],
              floatOp("add", readRegister("acc", i("b")), readShared("s", sub(int(3), thread()))),
            ),
          ]),
          assign("own", floatOp("add", f("own"), float(10))),
          barrier(),
        ]),
        unrolled("c", [store("y", [thread(), i("c")], readRegister("acc", i("c")))]),
      ],
    });
    expect(run(kernel, { tensors: { y: denseTensor([4, 2], y.data) } })).toEqual(clean);
    // acc[j] = j + Σₖ (3 − t + 10k) over k = 0, 1, 2
    expect([...y.data]).toEqual([39, 40, 36, 37, 33, 34, 30, 31]);
  });

  it("evaluates a loop's bound once, and steps from lo", () => {
    const y = vector(1);
    const kernel = kernelOf({
      params: [tensor("y", "inout", [int(1)]), tensor("n", "inout", [int(1)], "i32")],
      body: [
        loop(
          "k",
          int(1),
          readInt("n", int(0)),
          [
            store("n", [int(0)], int(100)),
            store("y", [int(0)], floatOp("add", floatOp("mul", read("y", int(0)), float(10)), castToFloat(i("k")))),
          ],
          { step: 2n },
        ),
      ],
    });
    expect(run(kernel, { tensors: { y: y.memory, n: denseTensor([1], Int32Array.of(6)) } })).toEqual(clean);
    expect([...y.data]).toEqual([135]);
  });

  it("numbers threads and blocks in three axes", () => {
    const places = new Set<string>();
    const y = sparseTensor(() => 0);
    const kernel = kernelOf({
      params: [tensor("y", "inout", Array(6).fill(N))],
      dims: ["N"],
      grid: [int(2), int(3), int(2)],
      block: [2n, 2n, 3n],
      body: [store("y", [block(0), block(1), block(2), thread(0), thread(1), thread(2)], float(1))],
    });
    const memory = { ...y, write: (at: readonly number[]): unknown => places.add(at.join()) };
    expect(run(kernel, { dims: { N: 3n }, tensors: { y: memory } })).toEqual(clean);
    expect(places.size).toBe(2 * 3 * 2 * 2 * 2 * 3);
    expect(places).toContain("1,2,1,1,1,2");
  });

  it("works on a tensor of 2^40 elements", () => {
    const y = sparseTensor(([at = 0]) => at % 7);
    const kernel = kernelOf({
      params: [tensor("y", "inout", [N])],
      dims: ["N"],
      body: [store("y", [sub(N, int(1))], floatOp("add", read("y", sub(N, int(1))), float(100)))],
    });
    expect(run(kernel, { dims: { N: 2n ** 40n }, tensors: { y } })).toEqual(clean);
    expect(y.read([2 ** 40 - 1])).toBe(100 + ((2 ** 40 - 1) % 7));
  });
});

/** The value of one expression, with scalars e, g (f32) and k, m (integers). */
function computed(expr: Expr, scalars: Partial<Record<"e" | "g" | "k" | "m", number>> = {}): number | undefined {
  const y = vector(1);
  const kernel = kernelOf({
    params: [
      tensor("y", "output", [int(1)]),
      scalarParam("e", "f32"),
      scalarParam("g", "f32"),
      scalarParam("k", "i64"),
      scalarParam("m", "i64"),
    ],
    body: [store("y", [int(0)], expr.type === "int" ? castToFloat(expr) : expr)],
  });
  const given = { e: 0, g: 0, k: 0, m: 1, ...scalars };
  expect(run(kernel, { scalars: given, tensors: { y: y.memory } })).toEqual(clean);
  return y.data[0];
}
const [e, g] = [scalar("e", "f32"), scalar("g", "f32")];
const [k, m] = [scalar("k", "int"), scalar("m", "int")];

describe("integers", () => {
  it.each([
    [7, 2, 3, 1],
    [-7, 2, -4, 1],
    [-1, 16, -1, 15],
    [0, 5, 0, 0],
    [-8, 4, -2, 0],
    [2 ** 53 - 1, 2, 2 ** 52 - 1, 1],
    [-(2 ** 53) + 1, 2, -(2 ** 52), 1],
  ])("div and mod of %i by %i floor", (a, b, quotient, remainder) => {
    expect(computed(intOp("div", k, m), { k: a, m: b })).toBe(fround(quotient));
    expect(computed(intOp("mod", k, m), { k: a, m: b })).toBe(remainder);
  });

  it("have no negative zero", () => {
    expect(computed(neg(k))).toBe(0);
    expect(computed(mul(k, int(-5)))).toBe(0);
    expect(computed(intOp("div", mul(k, int(-1)), m), { m: 3 })).toBe(0);
    expect(computed(intOp("mod", k, m), { k: -6, m: 3 })).toBe(0);
  });

  it("have min and max", () => {
    expect(computed(intOp("min", k, m), { k: -3, m: 2 })).toBe(-3);
    expect(computed(intOp("max", k, m), { k: -3, m: 2 })).toBe(2);
  });

  it("become the nearest float", () => {
    expect(computed(castToFloat(k), { k: 2 ** 24 + 1 })).toBe(2 ** 24);
    expect(computed(castToFloat(k), { k: 2 ** 24 + 3 })).toBe(2 ** 24 + 4);
  });
});

describe("floats", () => {
  it("round after each operation, literals included", () => {
    expect(computed(float(0.1))).toBe(fround(0.1));
    expect(computed(floatOp("sub", floatOp("add", e, g), e), { e: 2 ** 24, g: 1 })).toBe(0);
    expect(computed(floatOp("div", e, g), { e: 1, g: 3 })).toBe(fround(1 / 3));
    expect(computed(floatOp("mul", e, e), { e: fround(0.1) })).toBe(fround(fround(0.1) ** 2));
  });

  it("compare false with NaN, but for !==", () => {
    const chosen = (op: Parameters<typeof compare>[0]): Expr => select(compare(op, e, g), float(1), float(0));
    for (const op of ["lt", "le", "gt", "ge", "eq"] as const) expect(computed(chosen(op), { e: Number.NaN })).toBe(0);
    expect(computed(chosen("ne"), { e: Number.NaN })).toBe(1);
    expect(computed(chosen("eq"), { e: 0, g: -0 })).toBe(1);
  });

  it("have min and max that are NaN when either side is", () => {
    for (const fn of ["min", "max"] as const) {
      expect(computed(call(fn, [e, g]), { e: Number.NaN, g: 1 })).toBeNaN();
      expect(computed(call(fn, [e, g]), { e: 1, g: Number.NaN })).toBeNaN();
    }
    expect(computed(call("min", [e, g]), { e: 2, g: -3 })).toBe(-3);
    expect(computed(call("max", [e, g]), { e: 2, g: -3 })).toBe(2);
  });

  it("evaluate only the chosen side of a select", () => {
    const guarded = select(lt(k, int(0)), read("y", k), e);
    expect(computed(guarded, { k: 3, e: 5 })).toBe(5);
    expect(computed(select(and(lt(k, int(0)), compare("gt", read("y", k), e)), e, g), { k: 3, g: 2 })).toBe(2);
  });
});

describe("evaluateSize", () => {
  it("is exact beyond doubles", () => {
    const values = { dims: { N: 2n ** 40n }, scalars: { k: 3 } };
    expect(evaluateSize(add(mul(mul(N, N), k), int(1)), values)).toBe(3n * 2n ** 80n + 1n);
    expect(evaluateSize(intOp("div", sub(int(0), N), int(3)), values)).toBe(-366503875926n);
  });
});
