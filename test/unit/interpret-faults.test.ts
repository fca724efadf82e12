/** Faults of one thread: the interpreter finds each, says what happened and where, and does not find it elsewhere. */

import { describe, expect, it } from "vitest";
import {
  add,
  bool,
  castToFloat,
  compare,
  dim,
  float,
  int,
  intOp,
  logic,
  mul,
  neg,
  scalar,
  select,
  sub,
} from "../../src/ir/kernel/build.ts";
import { denseTensor, sparseTensor } from "../../src/ir/kernel/interpret.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { NO_SPAN } from "../../src/support/span.ts";
import { faultKinds, faultTexts, onVector, run, runOn, vector } from "./interpret-runs.ts";
import {
  and,
  array,
  assign,
  block,
  constant,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readInt,
  readRegister,
  readRegisterInt,
  readShared,
  rowMean,
  scalarParam,
  store,
  storeRegister,
  storeShared,
  tensor,
  thread,
  variable,
  when,
} from "./kernel-ir-samples.ts";

const N = dim("N");
const one = float(1);
const zero = int(0);

describe("bounds", () => {
  it("names element, axis, index and length, and does not perform the access", () => {
    const x = Float32Array.from([1, 2]);
    const y = vector(1, () => 7);
    const kernel = kernelOf({
      params: [tensor("x", "input", [int(2), N]), tensor("y", "inout", [N])],
      dims: ["N"],
      body: [store("y", [int(0)], read("x", zero, add(block(), int(1)))), store("y", [int(-1)], one)],
    });
    const outcome = run(kernel, { dims: { N: 1n }, tensors: { x: denseTensor([2, 1], x), y: y.memory } });
    expect(faultTexts(outcome)).toEqual([
      "bounds: reads x[0][1] out of bounds (axis 1: index 1, length 1)",
      "bounds: writes y[-1] out of bounds (axis 0: index -1, length 1)",
    ]);
    expect(outcome.faults.map((fault) => fault.array)).toEqual(["x", "y"]);
    expect(outcome.complete).toBe(true);
    expect([...y.data]).toEqual([Number.NaN]);
  });

  it("is checked axis by axis, although the address would be inside", () => {
    const kernel = kernelOf({
      params: [tensor("x", "input", [int(2), int(3), int(4)])],
      body: [constant("a", read("x", int(0), int(3), zero)), constant("b", read("x", int(1), int(2), int(3)))],
    });
    const outcome = run(kernel, { tensors: { x: denseTensor([2, 3, 4], new Float32Array(24)) } });
    expect(faultTexts(outcome)).toEqual(["bounds: reads x[0][3][0] out of bounds (axis 1: index 3, length 3)"]);
  });

  it("holds for shared and register arrays", () => {
    const outcome = runOn(onVector(1n, [storeShared("s", [int(8)], one), storeRegister("r", [int(2)], one)]));
    expect(faultTexts(outcome)).toEqual([
      "bounds: writes s[8] out of bounds (axis 0: index 8, length 8)",
      "bounds: writes r[2] out of bounds (axis 0: index 2, length 2)",
    ]);
  });

  it("is not violated by what a guard, && or ?: leaves out", () => {
    const inside = lt(thread(), N);
    const outcome = runOn(
      onVector(16n, [
        when(inside, [store("y", [thread()], one)]),
        constant("a", select(inside, read("y", thread()), one)),
        constant("b", and(inside, compare("gt", read("y", thread()), one))),
        constant("c", logic("or", compare("ge", thread(), N), compare("gt", read("y", thread()), one))),
      ]),
    );
    expect(outcome).toEqual({ faults: [], complete: true });
  });

  it("reports each place once, with the first thread at fault", () => {
    const outcome = runOn(onVector(16n, [store("y", [thread()], one)]));
    expect(faultTexts(outcome)).toEqual(["bounds: writes y[8] out of bounds (axis 0: index 8, length 8)"]);
    expect(outcome.faults[0]?.thread).toEqual([8, 0, 0]);
  });
});

describe("overflow", () => {
  const computing = (value: Kernel["grid"][0], width: 32 | 64, k = 0): readonly string[] => {
    const kernel = kernelOf({ params: [scalarParam("k", "i64")], body: [constant("a", value)] });
    return faultTexts(run(kernel, { scalars: { k }, width }));
  };
  const k = scalar("k", "int");

  it("is a result outside 32 bits", () => {
    expect(computing(add(k, int(1)), 32, 2 ** 31 - 1)).toEqual([
      "overflow: computes k + 1 = 2147483648, which does not fit 32 bits",
    ]);
    expect(computing(sub(k, int(1)), 32, -(2 ** 31))).toHaveLength(1);
    expect(computing(mul(k, k), 32, 46_341)).toHaveLength(1);
    expect(computing(neg(k), 32, -(2 ** 31))).toHaveLength(1);
    expect(computing(int(2n ** 31n), 32)).toHaveLength(1);
    expect(computing(k, 32, 2 ** 31)).toHaveLength(1);
  });

  it("is not a result that fits", () => {
    expect(computing(add(k, int(1)), 32, 2 ** 31 - 2)).toEqual([]);
    expect(computing(sub(k, int(1)), 32, -(2 ** 31) + 1)).toEqual([]);
    expect(computing(mul(k, k), 32, 46_340)).toEqual([]);
    expect(computing(add(k, int(1)), 64, 2 ** 31 - 1)).toEqual([]);
  });

  it("is a result outside 64 bits, found exactly", () => {
    expect(computing(mul(k, k), 64, 2 ** 32)).toEqual([
      "overflow: computes k * k = 18446744073709551616, which does not fit 64 bits",
    ]);
    expect(computing(int(2n ** 63n), 64)).toHaveLength(1);
  });

  it("covers the exit increment of a counter", () => {
    const counting = (step: bigint): Kernel =>
      kernelOf({ params: [scalarParam("k", "i64")], body: [loop("j", sub(k, int(1)), k, [], { step })] });
    const scalars = { k: 2 ** 31 - 1 };
    expect(faultTexts(run(counting(4n), { scalars, width: 32 }))).toEqual([
      "overflow: computes j + 4 = 2147483650, which does not fit 32 bits",
    ]);
    expect(run(counting(1n), { scalars, width: 32 }).faults).toEqual([]);
  });

  it("covers the extents that addresses are computed from", () => {
    const shaped = (...shape: readonly Kernel["grid"][0][]): readonly string[] => {
      const kernel = kernelOf({ params: [tensor("y", "output", shape)], dims: ["N"] });
      return faultTexts(run(kernel, { dims: { N: 2n ** 30n }, width: 32, tensors: { y: sparseTensor(() => 0) } }));
    };
    expect(shaped(zero, mul(int(2), N))).toEqual(["overflow: computes 2 * N = 2147483648, which does not fit 32 bits"]);
    expect(shaped(mul(int(2), N), zero)).toEqual([]);
  });

  it("covers guards, bounds, indices and elements, but not what is not evaluated", () => {
    const far = mul(k, int(4));
    const scalars = { k: 2 ** 30 };
    const body = (stmt: Stmt): Kernel =>
      kernelOf({ params: [scalarParam("k", "i64"), tensor("at", "input", [int(1)], "i64")], body: [stmt] });
    const tensors = { at: denseTensor([1], BigInt64Array.from([2n ** 40n])) };
    const kinds = (stmt: Stmt): readonly string[] => faultKinds(run(body(stmt), { scalars, tensors, width: 32 }));
    expect(kinds(when(lt(far, zero), []))).toEqual(["overflow"]);
    expect(kinds(loop("j", far, zero, []))).toEqual(["overflow"]);
    expect(kinds(loop("j", zero, sub(zero, far), []))).toEqual(["overflow", "overflow"]);
    expect(kinds(constant("a", readInt("at", far)))).toEqual(["overflow", "bounds"]);
    expect(kinds(constant("a", readInt("at", zero)))).toEqual(["overflow"]);
    expect(kinds(when(bool(false), [constant("a", far)]))).toEqual([]);
    expect(kinds(constant("a", and(lt(k, zero), lt(far, zero))))).toEqual([]);
  });
});

describe("range", () => {
  it("is an integer that an element cannot hold, and is not stored", () => {
    const kernel = kernelOf({
      params: [
        tensor("a", "inout", [int(2)], "i32"),
        tensor("b", "inout", [int(2)], "u32"),
        tensor("c", "inout", [int(1)], "i64"),
        scalarParam("k", "i64"),
      ],
      arrays: [{ ...array("shared", "t", [1n]), element: "i32" }],
      body: [
        store("a", [zero], scalar("k", "int")),
        store("b", [zero], scalar("k", "int")),
        store("b", [int(1)], int(-1)),
        store("c", [zero], scalar("k", "int")),
        storeShared("t", [zero], scalar("k", "int")),
      ],
    });
    const [a, b, c] = [Int32Array.of(5, 5), Uint32Array.of(5, 5), BigInt64Array.of(5n)];
    const tensors = { a: denseTensor([2], a), b: denseTensor([2], b), c: denseTensor([1], c) };
    const outcome = run(kernel, { scalars: { k: 2 ** 31 }, tensors });
    expect(faultTexts(outcome)).toEqual([
      "range: stores 2147483648 into a, whose i32 elements do not hold it",
      "range: stores -1 into b, whose u32 elements do not hold it",
      "range: stores 2147483648 into t, whose i32 elements do not hold it",
    ]);
    expect([[...a], [...b], [...c]]).toEqual([[5, 5], [2 ** 31, 5], [2n ** 31n]]);
  });
});

describe("division", () => {
  it.each([0, -2])("is div or mod by %i", (k) => {
    const k0 = scalar("k", "int");
    const kernel = kernelOf({
      params: [scalarParam("k", "i32")],
      body: [constant("a", intOp("div", int(7), k0)), constant("b", intOp("mod", int(7), k0))],
    });
    expect(faultTexts(run(kernel, { scalars: { k } }))).toEqual([
      `division: divides by ${k} in div(7, k)`,
      `division: divides by ${k} in mod(7, k)`,
    ]);
    expect(run(kernel, { scalars: { k: 2 } }).faults).toEqual([]);
  });
});

describe("uninitialised", () => {
  it("is a read of shared memory or a register that this block has not written", () => {
    const kernel = onVector(
      1n,
      [
        when(compare("eq", block(), zero), [storeShared("s", [zero], one), storeRegister("r", [zero], one)]),
        constant("a", readShared("s", zero)),
        constant("b", readRegister("r", zero)),
      ],
      { grid: [int(2), int(1), int(1)] },
    );
    const outcome = runOn(kernel);
    expect(faultTexts(outcome)).toEqual([
      "uninitialised: reads s[0] before it is written",
      "uninitialised: reads r[0] before it is written",
    ]);
    expect(outcome.faults.map((fault) => fault.block)).toEqual([
      [1, 0, 0],
      [1, 0, 0],
    ]);
  });

  it("is a read of an output before this launch wrote it, whatever its memory holds", () => {
    const body = [constant("a", read("y", zero)), store("y", [zero], one), constant("b", read("y", zero))];
    const output = onVector(1n, body, { params: [tensor("y", "output", [N])] });
    expect(faultTexts(runOn(output, 1))).toEqual(["uninitialised: reads y[0] before it is written"]);
    expect(runOn(onVector(1n, body)).faults).toEqual([]);
  });

  it("is an element that an input does not have", () => {
    const kernel = kernelOf({ params: [tensor("x", "input", [int(2)])], body: [constant("a", read("x", zero))] });
    const tensors = { x: sparseTensor(([at]) => (at === 1 ? 1 : undefined)) };
    expect(faultKinds(run(kernel, { tensors }))).toEqual(["uninitialised"]);
  });

  it("gives NaN, or 0 for an integer", () => {
    const kernel = kernelOf({
      params: [tensor("y", "output", [int(2)])],
      arrays: [array("register", "r", [1n]), array("register", "n", [1n], "i32")],
      body: [
        store("y", [zero], readRegister("r", zero)),
        store("y", [int(1)], castToFloat(readRegisterInt("n", zero))),
      ],
    });
    const y = vector(2, () => 9);
    run(kernel, { tensors: { y: y.memory } });
    expect([...y.data]).toEqual([Number.NaN, 0]);
  });
});

describe("invariant", () => {
  const counting = (bound: bigint): Kernel =>
    kernelOf({
      dims: ["N"],
      body: [
        variable("c", zero),
        loop("j", zero, N, [assign("c", add(i("c"), int(1)))], { invariants: [compare("le", i("c"), int(bound))] }),
      ],
    });

  it("is false where the bound is tested, the last time included", () => {
    const outcome = run(counting(4n), { dims: { N: 5n } });
    expect(faultTexts(outcome)).toEqual(["invariant: breaks the invariant c <= 4 at j = 5"]);
    expect(run(counting(5n), { dims: { N: 5n } }).faults).toEqual([]);
    expect(faultTexts(run(counting(-1n), { dims: { N: 0n } }))).toEqual([
      "invariant: breaks the invariant c <= -1 at j = 0",
    ]);
  });

  it("is not evaluated by the machine", () => {
    const wide = compare("lt", mul(i("j"), int(2n ** 31n)), int(2n ** 40n));
    const kernel = kernelOf({ body: [loop("j", zero, int(3), [], { invariants: [wide] })] });
    expect(run(kernel, { width: 32 })).toEqual({ faults: [], complete: true });
  });
});

describe("requires", () => {
  const y = { y: vector(4).memory };
  const failing = (more: Partial<Kernel>, dims: Record<string, bigint>, scalars = {}): readonly string[] => {
    const kernel = kernelOf({ dims: ["N"], body: [store("y", [int(9)], one)], ...more });
    const outcome = run(kernel, { dims, scalars, tensors: y });
    expect(outcome.complete).toBe(false);
    return faultTexts(outcome);
  };

  it("is a condition that the sizes or scalars break, and then nothing runs", () => {
    expect(failing({ requires: [lt(int(4), N)] }, { N: 4n })).toEqual([
      "requires: is given N = 4, which breaks requires(4 < N)",
    ]);
    const positive = compare("gt", scalar("e", "f32"), float(0));
    expect(failing({ params: [scalarParam("e", "f32")], requires: [positive] }, { N: 1n }, { e: 0 })).toHaveLength(1);
  });

  it("is a where clause that does not hold", () => {
    const where = [{ dim: "T", value: mul(N, N), span: NO_SPAN }];
    expect(failing({ dims: ["N", "T"], where }, { N: 3n, T: 8n })).toEqual([
      "requires: is given N = 3, T = 8, which breaks where T = N * N",
    ]);
  });

  it("is a size, an element count, a scalar or a grid beyond the limits", () => {
    expect(failing({}, { N: -1n })).toHaveLength(1);
    expect(failing({}, { N: 2n ** 41n })).toHaveLength(1);
    expect(failing({ params: [tensor("y", "inout", [N, N])] }, { N: 2n ** 24n })).toHaveLength(1);
    expect(failing({ params: [scalarParam("k", "i32")] }, { N: 1n }, { k: 2 ** 31 })).toHaveLength(1);
    expect(failing({ grid: [sub(N, int(2)), int(1), int(1)] }, { N: 1n })).toHaveLength(1);
    expect(failing({ grid: [int(1), N, int(1)] }, { N: 65_536n })).toHaveLength(1);
  });

  it("is a condition with a division by zero, unless && leaves that out", () => {
    const divides = compare("eq", intOp("mod", int(4), N), zero);
    expect(failing({ requires: [divides] }, { N: 0n })).toHaveLength(1);
    const kernel = kernelOf({ dims: ["N"], requires: [logic("or", compare("eq", N, zero), divides)] });
    expect(run(kernel, { dims: { N: 0n } })).toEqual({ faults: [], complete: true });
  });
});

describe("a run without checks", () => {
  it("still finds bounds, but no races, uninitialised reads and broken invariants", () => {
    const kernel = onVector(2n, [
      store("y", [zero], readShared("s", zero)),
      loop("j", zero, int(1), [], { invariants: [bool(false)] }),
      store("y", [int(8)], one),
    ]);
    const outcome = run(kernel, { dims: { N: 8n }, tensors: { y: vector(8).memory }, checks: false });
    expect(faultKinds(outcome)).toEqual(["bounds"]);
  });
});

describe("a sound kernel", () => {
  it("has no fault", () => {
    const tensors = { x: denseTensor([3, 5], new Float32Array(15)), y: vector(3).memory };
    expect(run(rowMean(8n), { dims: { B: 3n, N: 5n }, tensors, width: 32 })).toEqual({ faults: [], complete: true });
  });
});
