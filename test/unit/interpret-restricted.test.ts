/** Restricted runs: some blocks, some iterations, a budget. They report nothing that a whole run would not do. */

import { describe, expect, it } from "vitest";
import { add, castToFloat, compare, dim, float, floatOp, int, mul, select } from "../../src/ir/kernel/build.ts";
import { denseTensor } from "../../src/ir/kernel/interpret.ts";
import type { Kernel, Stmt } from "../../src/ir/kernel/types.ts";
import { faultKinds, faultTexts, onVector, run, vector } from "./interpret-runs.ts";
import {
  assign,
  barrier,
  block,
  constant,
  f,
  i,
  kernelOf,
  loop,
  lt,
  read,
  readInt,
  readShared,
  store,
  storeShared,
  tensor,
  thread,
  variable,
  when,
} from "./kernel-ir-samples.ts";

const one = float(1);
const zero = int(0);
const long = 10n ** 9n;
const only = (
  counter: string,
  ...values: readonly number[]
): { iterations: ReadonlyMap<string, readonly number[]> } => ({
  iterations: new Map([[counter, values]]),
});

describe("blocks", () => {
  it("are the only ones to run; those outside the grid do not exist", () => {
    const y = vector(4);
    const kernel = onVector(1n, [store("y", [block()], one)], { grid: [int(4), int(1), int(1)] });
    const blocks = [
      [2, 0, 0],
      [4, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ] as const;
    expect(run(kernel, { dims: { N: 4n }, tensors: { y: y.memory }, blocks })).toEqual({ faults: [], complete: true });
    expect([...y.data]).toEqual([1, 0, 1, 0]);
  });

  it("name themselves in races", () => {
    const kernel = onVector(1n, [store("y", [zero], one)], { grid: [int(1000), int(1000), int(1000)] });
    const blocks = [
      [7, 8, 9],
      [1, 2, 3],
    ] as const;
    const outcome = run(kernel, { dims: { N: 1n }, tensors: { y: vector(1).memory }, blocks });
    expect(outcome.faults[0]).toMatchObject({ kind: "race", block: [1, 2, 3], otherBlock: [7, 8, 9] });
  });
});

describe("iterations", () => {
  const N = dim("N");
  const counting = (body: readonly Stmt[], step = 1n, more: Partial<Kernel> = {}): Kernel =>
    onVector(4n, [variable("sum", one), variable("count", zero), loop("k", zero, N, body, { step })], more);
  const replay = (kernel: Kernel, ...values: readonly number[]): ReturnType<typeof run> =>
    run(kernel, { dims: { N: long }, tensors: { y: vector(0).memory }, ...only("k", ...values), maxSteps: 1000 });
  // The tensor of these kernels is as long as the loop, and untouched but where a test says so.
  const untouched = { params: [] };

  it("are the only ones to run, with their increments", () => {
    const wide = mul(i("k"), int(4));
    const kernel = counting([constant("a", wide)], 1n, untouched);
    expect(
      faultKinds(run(kernel, { dims: { N: long }, width: 32, ...only("k", 3, 999_999_999), maxSteps: 1000 })),
    ).toEqual(["overflow"]);
    expect(replay(kernel, 3, 999_999_999)).toEqual({ faults: [], complete: true });
    const exit = counting([], 2n ** 31n - long + 1n, untouched);
    expect(faultTexts(run(exit, { dims: { N: long }, width: 32, ...only("k", 0), maxSteps: 1000 }))).toEqual([]);
    const end = kernelOf({ body: [loop("k", int(2 ** 31 - 12), int(2 ** 31 - 1), [], { step: 5n })] });
    expect(faultTexts(run(end, { width: 32, ...only("k", 2 ** 31 - 2) }))).toEqual([
      "overflow: computes k + 5 = 2147483651, which does not fit 32 bits",
    ]);
  });

  it("outside the loop, or off its stride, do not run", () => {
    const kernel = counting([constant("a", add(i("k"), int(2n ** 40n)))], 2n, untouched);
    const outcome = run(kernel, { dims: { N: long }, width: 32, ...only("k", -2, 3, 10 ** 9), maxSteps: 1000 });
    expect(outcome).toEqual({ faults: [], complete: true });
  });

  it("find what happens in one of them", () => {
    const outside = compare("eq", i("k"), int(500_000_000));
    const kernel = counting([storeShared("s", [select(outside, int(8), thread())], one)], 1n, untouched);
    expect(faultTexts(replay(kernel, 500_000_000))).toEqual([
      "bounds: writes s[8] out of bounds (axis 0: index 8, length 8)",
    ]);
  });

  it("end the run where an integer is carried over those left out", () => {
    const kernel = counting(
      [
        assign("count", add(i("count"), int(1))),
        when(compare("ne", i("count"), add(i("k"), int(1))), [storeShared("s", [int(9)], one)]),
      ],
      1n,
      untouched,
    );
    expect(replay(kernel, 5)).toEqual({ faults: [], complete: false });
    expect(run(kernel, { dims: { N: 3n }, ...only("k", 0, 1, 2) })).toEqual({ faults: [], complete: true });
  });

  it("left out do not hide the increment that leaves the loop", () => {
    const kernel = counting([assign("count", add(i("count"), int(1)))], 4n, untouched);
    const leaving = (N: bigint, width: 32 | 64): readonly string[] =>
      faultTexts(run(kernel, { dims: { N }, width, limits: { maxDim: N, maxElements: N }, ...only("k", 5) }));
    expect(leaving(2n ** 31n - 1n, 32)).toEqual(["overflow: computes k + 4 = 2147483648, which does not fit 32 bits"]);
    expect(leaving(2n ** 31n - 4n, 32)).toEqual([]);
    expect(leaving(2n ** 31n - 1n, 64)).toEqual([]);
  });

  it("carry floats, but decide nothing by them", () => {
    const summing = assign("sum", floatOp("add", f("sum"), one));
    expect(replay(counting([summing], 1n, untouched), 5)).toEqual({ faults: [], complete: true });
    const deciding = [summing, when(compare("gt", f("sum"), float(2)), [storeShared("s", [int(9)], one)])];
    expect(replay(counting(deciding, 1n, untouched), 5, 6, 7)).toEqual({ faults: [], complete: false });
  });

  it("end the run where an integer is read that those left out might have written", () => {
    const kernel = kernelOf({
      params: [tensor("n", "inout", [int(1)], "i32"), tensor("at", "input", [int(1)], "i32")],
      body: [
        loop("k", zero, int(long), [
          constant("known", readInt("at", zero)),
          when(compare("ne", i("known"), int(7)), [store("n", [int(9)], zero)]),
          when(compare("lt", i("k"), readInt("n", zero)), [store("n", [int(9)], zero)]),
        ]),
      ],
    });
    const at = denseTensor([1], Int32Array.of(7));
    const tensors = { n: denseTensor([1], Int32Array.of(1000)), at };
    expect(run(kernel, { tensors, ...only("k", 5) })).toEqual({ faults: [], complete: false });
    expect(faultKinds(run(kernel, { tensors, ...only("k", 0) }))).toEqual(["bounds"]);
  });

  it("do not take what was left out for uninitialised", () => {
    const body = [
      when(compare("eq", i("k"), zero), [storeShared("s", [thread()], one)]),
      assign("sum", readShared("s", thread())),
    ];
    expect(replay(counting(body, 1n, untouched), 5)).toEqual({ faults: [], complete: true });
  });

  it("race with each other only where no barrier of those between them stands", () => {
    const pingPong = (barriers: readonly Stmt[]): Kernel =>
      counting(
        [
          assign("sum", readShared("s", select(lt(thread(), int(1)), int(1), zero))),
          barrier(),
          when(lt(thread(), int(2)), [storeShared("s", [thread()], one)]),
          ...barriers,
        ],
        1n,
        { ...untouched, block: [2n, 1n, 1n] },
      );
    // The store of iteration 5 and the load of iteration 900 have the barriers of the iterations between.
    expect(replay(pingPong([]), 5, 900)).toEqual({ faults: [], complete: true });
    expect(faultKinds(replay(pingPong([]), 5, 6))).toEqual(["race"]);
    expect(replay(pingPong([barrier()]), 5, 6)).toEqual({ faults: [], complete: true });
  });

  it("end the run where threads start differently in a loop with a barrier", () => {
    const kernel = onVector(2n, [loop("k", thread(), add(thread(), int(5)), [barrier()])], untouched);
    expect(run(kernel, { dims: { N: 1n } })).toEqual({ faults: [], complete: true });
    expect(run(kernel, { dims: { N: 1n }, ...only("k", 5) })).toEqual({ faults: [], complete: false });
  });
});

describe("a budget", () => {
  const counting = kernelOf({ dims: ["N"], body: [loop("k", zero, dim("N"), [])] });

  it("of steps ends the run", () => {
    expect(run(counting, { dims: { N: long }, maxSteps: 1000 })).toEqual({ faults: [], complete: false });
    expect(run(counting, { dims: { N: 10n }, maxSteps: 1000 })).toEqual({ faults: [], complete: true });
  });

  it("of faults ends the run", () => {
    const kernel = kernelOf({
      params: [tensor("y", "inout", [int(1)])],
      body: [1, 2, 3].map((at) => store("y", [int(at)], castToFloat(int(at)))),
    });
    const tensors = { y: vector(1).memory };
    expect(run(kernel, { tensors, maxFaults: 2 })).toMatchObject({ faults: { length: 2 }, complete: false });
    expect(run(kernel, { tensors })).toMatchObject({ faults: { length: 3 }, complete: true });
  });
});

describe("a request", () => {
  it("without a size, a tensor or the right shape is a defect of the caller", () => {
    const kernel = onVector(1n, [constant("a", read("y", zero))]);
    expect(() => run(kernel, { tensors: { y: vector(1).memory } })).toThrow("the dimension N has no size");
    expect(() => run(kernel, { dims: { N: 1n } })).toThrow("no memory is given for y");
    expect(() => run(kernel, { dims: { N: 2n }, tensors: { y: vector(1).memory } })).toThrow("y is given as [1]");
  });
});
