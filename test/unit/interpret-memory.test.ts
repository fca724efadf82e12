/** Atomic changes, vector accesses and wave barriers: what they do, and the faults that they are part of. */

import { describe, expect, it } from "vitest";
import { add, compare, dim, float, int, intOp, mul, scalar } from "../../src/ir/kernel/build.ts";
import type { ElementType } from "../../src/ir/kernel/elements.ts";
import type { Expr } from "../../src/ir/kernel/expr.ts";
import { denseTensor, sparseTensor } from "../../src/ir/kernel/interpret.ts";
import { SIZE_LIMITS } from "../../src/ir/kernel/limits.ts";
import type { AtomicOp, Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { faultKinds, faultTexts, onVector, run, runOn } from "./interpret-runs.ts";
import {
  array,
  atomic,
  barrier,
  block,
  constant,
  f,
  i,
  kernelOf,
  lt,
  readInt,
  readRegister,
  readShared,
  readSharedInt,
  scalarParam,
  store,
  storeRegister,
  storeShared,
  tensor,
  thread,
  vectorOf,
  when,
} from "./kernel-ir-samples.ts";

const N = dim("N");
const one = float(1);
const zero = int(0);

describe("an atomic change", () => {
  const changed = (op: AtomicOp, element: ElementType, before: number, operand: number): number => {
    const kernel = kernelOf({
      params: [tensor("c", "inout", [int(1)], element), scalarParam("k", "i64")],
      body: [atomic(op, "global", "c", [zero], scalar("k", "int"))],
    });
    const data = element === "i64" ? BigInt64Array.of(BigInt(before)) : undefined;
    const narrow = element === "u32" ? Uint32Array.of(before) : Int32Array.of(before);
    const outcome = run(kernel, { scalars: { k: operand }, tensors: { c: denseTensor([1], data ?? narrow) } });
    expect(outcome).toEqual({ faults: [], complete: true });
    return Number(data?.[0] ?? narrow[0]);
  };

  it("adds, and wraps at the element's width", () => {
    expect(changed("add", "i32", 5, -7)).toBe(-2);
    expect(changed("add", "i32", 2 ** 31 - 1, 1)).toBe(-(2 ** 31));
    expect(changed("add", "u32", 2 ** 32 - 1, 2)).toBe(1);
    expect(changed("add", "i64", 2 ** 40, 2 ** 40)).toBe(2 ** 41);
  });

  it("takes the smaller or the larger value", () => {
    expect(changed("min", "i32", 3, -4)).toBe(-4);
    expect(changed("min", "u32", 3, 4)).toBe(3);
    expect(changed("max", "i64", 3, 4)).toBe(4);
  });

  it("needs an operand that the element holds, and an index within bounds", () => {
    const kernel = kernelOf({
      params: [tensor("c", "inout", [N], "u32")],
      dims: ["N"],
      body: [atomic("add", "global", "c", [zero], int(-1)), atomic("add", "global", "c", [N], int(1))],
    });
    const c = Uint32Array.of(7);
    expect(faultTexts(run(kernel, { dims: { N: 1n }, tensors: { c: denseTensor([1], c) } }))).toEqual([
      "range: stores -1 into c, whose u32 elements do not hold it",
      "bounds: atomically changes c[1] out of bounds (axis 0: index 1, length 1)",
    ]);
    expect([...c]).toEqual([7]);
  });

  /** Counts in shared memory: `before` and `after` the changes, which are in one barrier interval. */
  const counting = (before: readonly Stmt[], after: readonly Stmt[], threads = 64n): Kernel =>
    kernelOf({
      params: [tensor("c", "inout", [int(2)], "i32")],
      block: [threads, 1n, 1n],
      arrays: [array("shared", "n", [2n], "i32")],
      body: [...before, atomic("add", "shared", "n", [intOp("mod", thread(), int(2))], int(1)), ...after],
    });
  const clear = [when(lt(thread(), int(2)), [storeShared("n", [thread()], zero)]), barrier()];
  const publish = [barrier(), when(lt(thread(), int(2)), [store("c", [thread()], readSharedInt("n", thread()))])];

  it("of one location by many threads is no race, and none is lost", () => {
    const c = Int32Array.of(0, 0);
    const outcome = run(counting(clear, publish), { tensors: { c: denseTensor([2], c) } });
    expect(outcome).toEqual({ faults: [], complete: true });
    expect([...c]).toEqual([32, 32]);
  });

  it("of an element that nobody has written is an uninitialised read", () => {
    const outcome = run(counting([], [], 1n), { tensors: { c: denseTensor([2], Int32Array.of(0, 0)) } });
    expect(faultTexts(outcome)).toEqual(["uninitialised: reads n[0] before it is written"]);
  });

  it("races with a plain read and with a plain write, whichever comes first", () => {
    const tensors = { c: denseTensor([2], Int32Array.of(0, 0)) };
    const readAfter = [constant("a", readSharedInt("n", intOp("mod", add(thread(), int(1)), int(2))))];
    expect(faultTexts(run(counting(clear, readAfter), { tensors }))).toEqual([
      "race: atomically changes n[1], which thread (0, 0, 0) reads with no barrier between",
      "race: reads n[0], which thread (0, 0, 0) atomically changes with no barrier between",
    ]);
    expect(faultKinds(run(counting(clear, [storeShared("n", [zero], zero)]), { tensors }))).toContain("race");
    expect(faultTexts(run(counting(clear.slice(0, 1), []), { tensors }))[0]).toBe(
      "race: atomically changes n[0], which thread (0, 0, 0) writes with no barrier between",
    );
  });

  it("is atomic across blocks, but not against a plain access of another block", () => {
    const kernel = (more: readonly Stmt[]): Kernel =>
      kernelOf({
        params: [tensor("c", "inout", [int(1)], "i32")],
        grid: [int(3), int(1), int(1)],
        block: [4n, 1n, 1n],
        body: [atomic("max", "global", "c", [zero], add(mul(block(), int(4)), thread())), ...more],
      });
    const c = Int32Array.of(-1);
    const tensors = { c: denseTensor([1], c) };
    expect(run(kernel([]), { tensors }).faults).toEqual([]);
    expect([...c]).toEqual([11]);
    const last = compare("eq", block(), int(2));
    expect(faultTexts(run(kernel([barrier(), when(last, [constant("a", readInt("c", zero))])]), { tensors }))).toEqual([
      "race: reads c[0], which a thread of block (1, 0, 0) atomically changes in the same launch",
    ]);
  });

  it("keeps what it needs of each location in a tensor too large for dense records", () => {
    const large = 2n ** 40n;
    const kernel = kernelOf({
      params: [tensor("c", "inout", [N], "i32")],
      dims: ["N"],
      block: [64n, 1n, 1n],
      body: [atomic("add", "global", "c", [mul(thread(), int(1_000_003))], int(1)), constant("a", readInt("c", zero))],
    });
    const values = new Map<string, number>();
    const c = {
      read: (at: readonly number[]) => values.get(at.join()) ?? 0,
      write: (at: readonly number[], value: number) => void values.set(at.join(), value),
    };
    expect(faultTexts(run(kernel, { dims: { N: large }, tensors: { c } }))).toEqual([
      "race: reads c[0], which thread (0, 0, 0) atomically changes with no barrier between",
    ]);
    expect(values.get("63000189")).toBe(1);
  });
});

describe("a vector access", () => {
  const copy = (from: Expr, to: Expr, width = 8n): Kernel =>
    kernelOf({
      params: [tensor("x", "input", [int(2), int(width)]), tensor("y", "inout", [int(2), int(width)])],
      arrays: [array("register", "v", [4n])],
      body: [
        vectorOf("load", "v", 4n, "global", "x", [int(1), from]),
        vectorOf("store", "v", 4n, "global", "y", [zero, to]),
      ],
    });
  const runCopy = (kernel: Kernel, width = 8): { texts: readonly string[]; y: readonly number[] } => {
    const x = Float32Array.from({ length: 2 * width }, (_, at) => at);
    const y = new Float32Array(2 * width);
    const tensors = { x: denseTensor([2, width], x), y: denseTensor([2, width], y) };
    return { texts: faultTexts(run(kernel, { tensors })), y: [...y] };
  };

  it("moves its lanes in order", () => {
    const { texts, y } = runCopy(copy(int(4), zero));
    expect(texts).toEqual([]);
    expect(y.slice(0, 8)).toEqual([12, 13, 14, 15, 0, 0, 0, 0]);
  });

  it("is at fault where its address is no multiple of its lanes, and moves them all the same", () => {
    const { texts, y } = runCopy(copy(int(2), zero));
    expect(texts).toEqual(["alignment: reads 4 lanes from x[1][2] on, element 10, which is no multiple of 4"]);
    expect(y.slice(0, 4)).toEqual([10, 11, 12, 13]);
    // The index is a multiple, the row is not.
    expect(runCopy(copy(zero, zero, 6n), 6).texts).toEqual([
      "alignment: reads 4 lanes from x[1][0] on, element 6, which is no multiple of 4",
    ]);
  });

  it("stays within a row lane by lane, and performs the lanes that do", () => {
    const { texts, y } = runCopy(copy(int(6), int(4)));
    expect(texts).toEqual([
      "alignment: reads 4 lanes from x[1][6] on, element 14, which is no multiple of 4",
      "bounds: reads x[1][8] out of bounds (axis 1: index 8, length 8)",
    ]);
    expect(y.slice(4, 8)).toEqual([14, 15, Number.NaN, Number.NaN]);
    expect(runCopy(copy(zero, int(8))).texts).toEqual([
      "bounds: writes y[0][8] out of bounds (axis 1: index 8, length 8)",
    ]);
  });

  it("reads no register and no element that nobody has written", () => {
    const body = (before: readonly Stmt[]): Kernel =>
      onVector(1n, [...before, vectorOf("store", "r", 2n, "global", "y", [zero])]);
    expect(faultTexts(runOn(body([storeRegister("r", [zero], one)])))).toEqual([
      "uninitialised: reads r[1] before it is written",
    ]);
    expect(faultTexts(runOn(body([vectorOf("load", "r", 2n, "shared", "s", [zero])])))).toEqual([
      "uninitialised: reads s[0] before it is written",
    ]);
  });

  it("races lane by lane, on shared memory too", () => {
    const kernel = (at: Expr): Kernel =>
      onVector(4n, [
        storeRegister("r", [zero], one),
        storeRegister("r", [int(1)], one),
        vectorOf("store", "r", 2n, "shared", "s", [at]),
        barrier(),
        constant("a", readRegister("r", zero)),
      ]);
    expect(runOn(kernel(mul(thread(), int(2)))).faults).toEqual([]);
    expect(faultTexts(runOn(kernel(intOp("div", mul(thread(), int(3)), int(2)))))).toEqual([
      "alignment: writes 2 lanes from s[1] on, element 1, which is no multiple of 2",
      "race: writes s[1], which thread (0, 0, 0) writes with no barrier between",
    ]);
  });
});

describe("a wave barrier", () => {
  /** Thread t writes s[t] and reads s[t + distance mod 64], with a barrier between. */
  const shifted = (distance: number, scope: "block" | "wave"): Kernel =>
    kernelOf({
      block: [64n, 1n, 1n],
      arrays: [array("shared", "s", [64n])],
      body: [
        storeShared("s", [thread()], one),
        barrier(scope),
        constant("a", readShared("s", intOp("mod", add(thread(), int(distance)), int(64)))),
      ],
    });

  it("orders threads of one wave", () => {
    const withinWave = add(mul(intOp("div", thread(), int(32)), int(32)), intOp("mod", add(thread(), int(1)), int(32)));
    const kernel = kernelOf({
      block: [64n, 1n, 1n],
      arrays: [array("shared", "s", [64n])],
      body: [
        storeShared("s", [thread()], one),
        barrier("wave"),
        constant("a", readShared("s", withinWave)),
        barrier("wave"),
        storeShared("s", [thread()], f("a")),
      ],
    });
    expect(run(kernel)).toEqual({ faults: [], complete: true });
    // Without the second one, a thread may write what its neighbour still reads.
    const early = { ...kernel, body: kernel.body.filter((_, at) => at !== 3) };
    expect(faultKinds(run(early))).toEqual(["race", "race"]);
  });

  it("does not order threads of two waves", () => {
    expect(run(shifted(1, "block")).faults).toEqual([]);
    expect(faultTexts(run(shifted(1, "wave")))).toEqual([
      "race: reads s[32], which thread (32, 0, 0) writes with no barrier between",
    ]);
  });

  it("does not end the interval of another wave that read before", () => {
    const kernel = (second: number): Kernel =>
      kernelOf({
        block: [64n, 1n, 1n],
        arrays: [array("shared", "s", [1n])],
        body: [
          when(compare("eq", thread(), int(40)), [storeShared("s", [zero], one)]),
          barrier(),
          when(compare("eq", thread(), int(3)), [constant("a", readShared("s", zero))]),
          barrier("wave"),
          when(compare("eq", thread(), int(4)), [constant("b", readShared("s", zero))]),
          barrier("wave"),
          when(compare("eq", thread(), int(second)), [storeShared("s", [zero], one)]),
        ],
      });
    expect(run(kernel(5)).faults).toEqual([]);
    expect(faultTexts(run(kernel(33)))).toEqual([
      "race: writes s[0], which thread (4, 0, 0) reads with no barrier between",
    ]);
  });

  it("finds the reader of another wave among readers of both", () => {
    const reads = (at: number, name: string): Stmt =>
      when(compare("eq", thread(), int(at)), [constant(name, readShared("s", zero))]);
    const kernel = kernelOf({
      block: [64n, 1n, 1n],
      arrays: [array("shared", "s", [1n])],
      body: [
        when(compare("eq", thread(), zero), [storeShared("s", [zero], one)]),
        barrier(),
        reads(33, "a"),
        reads(34, "b"),
        reads(1, "c"),
        barrier("wave"),
        when(compare("eq", thread(), int(35)), [storeShared("s", [zero], one)]),
      ],
    });
    expect(faultTexts(run(kernel))).toEqual([
      "race: writes s[0], which thread (1, 0, 0) reads with no barrier between",
    ]);
  });

  it("counts threads of a block with x fastest", () => {
    const kernel = (axis: 0 | 1): Kernel =>
      kernelOf({
        block: [32n, 2n, 1n],
        arrays: [array("shared", "s", [2n, 32n])],
        body: [
          storeShared("s", [thread(1), thread(0)], one),
          barrier("wave"),
          constant(
            "a",
            axis === 0
              ? readShared("s", thread(1), intOp("mod", add(thread(0), int(1)), int(32)))
              : readShared("s", intOp("mod", add(thread(1), int(1)), int(2)), thread(0)),
          ),
        ],
      });
    expect(run(kernel(0)).faults).toEqual([]);
    expect(faultKinds(run(kernel(1)))).toEqual(["race"]);
  });

  it("is reached by the whole block", () => {
    const kernel = kernelOf({ block: [64n, 1n, 1n], body: [when(lt(thread(), int(32)), [barrier("wave")])] });
    expect(faultTexts(run(kernel))).toEqual([
      "divergence: reaches the barrier with 32 of 64 threads, without thread (32, 0, 0)",
    ]);
  });

  it("orders atomic changes and plain accesses of a wave", () => {
    const kernel = (threads: bigint): Kernel =>
      kernelOf({
        block: [threads, 1n, 1n],
        arrays: [array("shared", "n", [1n], "i32")],
        body: [
          when(compare("eq", thread(), zero), [storeShared("n", [zero], zero)]),
          barrier(),
          atomic("add", "shared", "n", [zero], int(1)),
          barrier("wave"),
          constant("a", readSharedInt("n", zero)),
          constant("b", add(i("a"), int(1))),
        ],
      });
    expect(run(kernel(32n)).faults).toEqual([]);
    expect(faultKinds(run(kernel(64n)))).toEqual(["race"]);
  });
});

describe("an address", () => {
  it("fits the index width by the size limits, and is at fault where weaker ones let it not", () => {
    const kernel = kernelOf({
      params: [tensor("c", "inout", [dim("B"), N], "i32")],
      dims: ["B", "N"],
      body: [store("c", [int(40_960), int(65_534)], int(1)), store("c", [zero, int(5)], int(1))],
    });
    const dims = { B: 40_961n, N: 65_535n };
    const tensors = { c: sparseTensor(() => 0) };
    expect(faultKinds(run(kernel, { dims, tensors, width: 32 }))).toEqual(["requires"]);
    expect(faultTexts(run(kernel, { dims, tensors, width: 32, limits: SIZE_LIMITS[64] }))).toEqual([
      "overflow: computes the address of c[40960][65534] = 2684379134, which does not fit 32 bits",
    ]);
    expect(run(kernel, { dims, tensors }).faults).toEqual([]);
  });
});
