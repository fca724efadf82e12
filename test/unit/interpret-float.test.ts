/** Float primitives: fma against exact integers, erf against a series in 300-bit fixed point and published values. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fma32 } from "../../src/ir/kernel/float32.ts";
import { erf } from "../../src/support/erf.ts";

/** x·2^1200 exactly, for a finite x. */
function scaled(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 0x7ffn;
  const fraction = bits & (2n ** 52n - 1n);
  const significand = exponent === 0n ? fraction : fraction | (2n ** 52n);
  const magnitude = significand << (125n + (exponent === 0n ? 1n : exponent));
  return x < 0 ? -magnitude : magnitude;
}

const size = (value: bigint): bigint => (value < 0n ? -value : value);

/** The f32 next to x, away from zero or towards it. */
function neighbour(x: number, ulps: 1 | -1): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  view.setUint32(0, view.getUint32(0) + ulps);
  return view.getFloat32(0);
}

function isEven(x: number): boolean {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint32(0) % 2 === 0;
}

describe("fma", () => {
  // Short significands make sums that lie half-way between two floats, where a second rounding would show.
  const short = fc
    .tuple(fc.integer({ min: -31, max: 31 }), fc.integer({ min: 0, max: 24 }), fc.integer({ min: -149, max: 100 }))
    .map(([significand, gap, exponent]) => Math.fround((significand + 2 ** -gap) * 2 ** exponent));
  const float = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), short);

  it("is the float nearest to the exact a·b + c, even in a tie", () => {
    fc.assert(
      fc.property(float, float, float, fc.integer({ min: -60, max: 60 }), fc.boolean(), (a, b, free, shift, near) => {
        const c = near ? Math.fround(a * b * 2 ** shift) : free;
        fc.pre([a, b, c].every(Number.isFinite));
        const exact = scaled(a) * scaled(b) + (scaled(c) << 1200n);
        const result = fma32(a, b, c);
        const limit = scaled(2 ** 128 - 2 ** 103) << 1200n;
        if (!Number.isFinite(result)) {
          expect(size(exact) >= limit).toBe(true);
          return;
        }
        const distance = (x: number): bigint => size((scaled(x) << 1200n) - exact);
        const others =
          result === 0
            ? [2 ** -149, -(2 ** -149)]
            : [neighbour(result, 1), neighbour(result, -1)].filter(Number.isFinite);
        for (const other of others) {
          expect(distance(result) <= distance(other)).toBe(true);
          if (distance(result) === distance(other)) expect(isEven(result)).toBe(true);
        }
      }),
      { numRuns: 5_000, seed: 1 },
    );
  });

  it("rounds once where two roundings would differ", () => {
    // 1 + 2⁻²⁴ lies half-way; the product's tail of 2⁻⁶⁰ is lost in a double sum, and decides.
    const [a, b] = [2 ** -30, Math.fround(2 ** -30)];
    expect(fma32(a, b, Math.fround(1))).toBe(1);
    const tie = Math.fround(1 + 2 ** -23);
    expect(fma32(2 ** -12 + 2 ** -35, 2 ** -12, 1)).toBe(tie);
    expect(Math.fround((2 ** -12) ** 2 + 1)).toBe(1);
    expect(fma32(-(2 ** -50), 2 ** -50, 1 + 2 ** -23)).toBe(tie);
  });

  it("follows IEEE for what is not finite and for zeros", () => {
    expect(fma32(Number.POSITIVE_INFINITY, 0, 1)).toBeNaN();
    expect(fma32(Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY)).toBeNaN();
    expect(fma32(3e38, 3e38, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(fma32(1, 1, -1)).toBe(0);
    expect(fma32(-0, 1, -0)).toBe(-0);
    const largest = 2 ** 128 - 2 ** 104;
    expect(fma32(2 ** 103, 1, largest)).toBe(Number.POSITIVE_INFINITY);
    expect(fma32(Math.fround(2 ** 103 - 2 ** 79), 1, largest)).toBe(largest);
  });
});

describe("erf", () => {
  const BITS = 300n;
  /** 2/√π·2³⁰⁰, from π to 60 digits: 3.14159265358979323846264338327950288419716939937510582097494 */
  const PI = (314159265358979323846264338327950288419716939937510582097494n << BITS) / 10n ** 59n;
  const TWO_OVER_ROOT_PI = (2n << (2n * BITS)) / squareRoot(PI << BITS);

  function squareRoot(value: bigint): bigint {
    let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
    for (;;) {
      const next = (root + value / root) >> 1n;
      if (next >= root) return root;
      root = next;
    }
  }

  /** erf x·2³⁰⁰ by the Maclaurin series 2/√π·Σ (−1)ⁿ x^(2n+1)/(n!·(2n+1)), which 300 bits carry up to x = 6. */
  function exactErf(x: number): bigint {
    const argument = scaled(x) >> (1200n - BITS);
    const square = (argument * argument) >> BITS;
    let power = argument;
    let sum = argument;
    for (let n = 1n; power !== 0n && power !== -1n; n++) {
      power = -((power * square) >> BITS) / n;
      sum += power / (2n * n + 1n);
    }
    return (sum * TWO_OVER_ROOT_PI) >> BITS;
  }

  it("is within 1e-15 of the exact value, relatively", () => {
    let worst = 0;
    for (let step = 1; step <= 3000; step++) {
      const x = step / 499;
      const exact = exactErf(x);
      const error = size((scaled(erf(x)) >> (1200n - BITS)) - exact);
      worst = Math.max(worst, Number((error * 10n ** 20n) / exact) / 1e20);
    }
    expect(worst).toBeLessThan(1e-15);
    expect(worst).toBeGreaterThan(1e-17);
  });

  it.each([
    [1e-8, 1.1283791670955126e-8],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [5, 0.9999999999984626],
  ])("erf(%f) is the published value", (x, value) => {
    expect(Math.abs(erf(x) / value - 1)).toBeLessThan(1e-15);
  });

  it("is odd, and right at the ends", () => {
    for (const x of [1e-300, 0.3, 1.7, 2.2, 5.9]) expect(erf(-x)).toBe(-erf(x));
    expect(erf(0)).toBe(0);
    expect(erf(-0)).toBe(-0);
    expect(erf(6)).toBe(1);
    expect(erf(Number.POSITIVE_INFINITY)).toBe(1);
    expect(erf(Number.NEGATIVE_INFINITY)).toBe(-1);
    expect(erf(Number.NaN)).toBeNaN();
    expect(erf(5e-324)).toBe(5e-324);
  });
});
