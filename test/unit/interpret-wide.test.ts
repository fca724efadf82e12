/** Integers beyond ±2⁵³ in the interpreter, whose numbers are doubles: exact as far as it goes, and never rounded. */

import { describe, expect, it } from "vitest";
import { int, intOp, mul, scalar, sub } from "../../src/ir/kernel/build.ts";
import { denseTensor, type Outcome } from "../../src/ir/kernel/interpret.ts";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { faultTexts, run } from "./interpret-runs.ts";
import { constant, kernelOf, loop, lt, readInt, scalarParam, store, tensor, when } from "./kernel-ir-samples.ts";

const k = scalar("k", "int");
const zero = int(0);

function computed(value: Kernel["grid"][0], given: number): Outcome {
  return run(kernelOf({ params: [scalarParam("k", "i64")], body: [constant("a", value)] }), { scalars: { k: given } });
}

describe("an integer beyond 2⁵³", () => {
  const faults = (value: Kernel["grid"][0], given: number): readonly string[] => faultTexts(computed(value, given));

  it("is found at the very ends of 64 bits", () => {
    const eighth = int(2n ** 33n);
    expect(faults(mul(k, eighth), 2 ** 30)).toEqual([
      "overflow: computes k * 8589934592 = 9223372036854775808, which does not fit 64 bits",
    ]);
    expect(faults(mul(k, eighth), -(2 ** 30))).toEqual([]);
    expect(faults(sub(mul(k, eighth), int(1)), -(2 ** 30))).toEqual([
      "overflow: computes k * 8589934592 - 1 = -9223372036854775809, which does not fit 64 bits",
    ]);
  });

  it("ends the run without a fault where a result fits 64 bits but is not exact in a double", () => {
    const square = mul(k, k);
    const third = (op: "div" | "mod"): Outcome => computed(intOp(op, square, int(3)), 2 ** 30);
    expect(computed(square, 2 ** 30)).toEqual({ faults: [], complete: true });
    expect(computed(square, 2 ** 30 + 1)).toEqual({ faults: [], complete: false });
    expect(third("mod")).toEqual({ faults: [], complete: true });
    expect(third("div")).toEqual({ faults: [], complete: false });
  });

  it("is not seen in an element that no double is equal to: the run ends", () => {
    const kernel = kernelOf({
      params: [tensor("at", "input", [int(2)], "i64")],
      body: [constant("a", readInt("at", zero)), when(lt(readInt("at", int(1)), zero), [])],
    });
    const reading = (second: bigint): Outcome =>
      run(kernel, { tensors: { at: denseTensor([2], BigInt64Array.of(2n ** 62n, second)) } });
    expect(reading(2n ** 53n)).toEqual({ faults: [], complete: true });
    expect(reading(2n ** 53n + 1n)).toEqual({ faults: [], complete: false });
    expect(reading(2n ** 63n - 1n)).toEqual({ faults: [], complete: false });
  });

  it("is not stored where an i64 element does not hold it", () => {
    const kernel = kernelOf({
      params: [tensor("c", "inout", [int(2)], "i64"), scalarParam("k", "i64")],
      body: [store("c", [zero], mul(k, int(2n ** 32n))), store("c", [int(1)], mul(k, int(-(2n ** 32n))))],
    });
    const c = BigInt64Array.of(5n, 5n);
    const outcome = run(kernel, { scalars: { k: 2 ** 31 }, tensors: { c: denseTensor([2], c) } });
    expect(faultTexts(outcome)).toEqual([
      "overflow: computes k * 4294967296 = 9223372036854775808, which does not fit 64 bits",
      "range: stores 9223372036854775808 into c, whose i64 elements do not hold it",
    ]);
    expect([...c]).toEqual([5n, -(2n ** 63n)]);
  });

  it("is not skipped over, since a distance may be inexact: the run ends", () => {
    const kernel = kernelOf({ params: [scalarParam("k", "i64")], body: [loop("j", zero, mul(k, k), [])] });
    const skipping = (given: number): Outcome =>
      run(kernel, { scalars: { k: given }, iterations: new Map([["j", [3]]]) });
    expect(skipping(2 ** 20)).toEqual({ faults: [], complete: true });
    expect(skipping(2 ** 30)).toEqual({ faults: [], complete: false });
  });
});
