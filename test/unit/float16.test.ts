/** Half precision: every bit pattern and many roundings against another implementation, and rounding by chance on average. */

import { f16round, getFloat16 } from "@petamoriken/float16";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bitsOfHalf,
  floatsToHalves,
  halfOfBits,
  halfSpacing,
  halvesToFloats,
  roundToHalf,
  roundToHalfAtRandom,
} from "../../src/support/float16.ts";
import { philox, randomBits } from "../../src/support/philox.ts";

const EVERY = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const float = fc.oneof(
  fc.float({ noNaN: true }),
  fc.integer({ min: -70_000, max: 70_000 }).map((i) => i + 2 ** -7),
  fc.integer({ min: 0, max: 4096 }).map((i) => i * 2 ** -25),
);

describe("half precision", () => {
  it("has the values of its bits, all 65,536", () => {
    const view = new DataView(new ArrayBuffer(2));
    for (const bits of EVERY) {
      view.setUint16(0, bits);
      expect(Object.is(halfOfBits(bits), getFloat16(view, 0))).toBe(true);
    }
  });

  it("gives back the bits of its values, of NaN those of one NaN", () => {
    for (const bits of EVERY) {
      const value = halfOfBits(bits);
      expect(bitsOfHalf(value)).toBe(Number.isNaN(value) ? 0x7e00 : bits);
    }
    expect(floatsToHalves(halvesToFloats(EVERY))).toEqual(EVERY.map((bits) => bitsOfHalf(halfOfBits(bits))));
  });

  it("rounds to the nearest value, ties to even", () => {
    fc.assert(
      fc.property(float, (x) => {
        expect(roundToHalf(x)).toBe(f16round(x));
      }),
      { numRuns: 20_000 },
    );
    for (const bits of EVERY.slice(0, 0x7bff)) {
      const middle = (halfOfBits(bits) + halfOfBits(bits + 1)) / 2;
      expect(roundToHalf(middle)).toBe(halfOfBits(bits + (bits % 2)));
      expect(roundToHalf(-middle)).toBe(-halfOfBits(bits + (bits % 2)));
    }
    expect([65_519.99, 65_520, -65_520, 2 ** -25, -0].map(roundToHalf)).toEqual([65_504, Infinity, -Infinity, 0, -0]);
    expect(roundToHalf(Number.NaN)).toBeNaN();
  });

  it("has neighbours at the distance that is said", () => {
    for (const bits of EVERY.slice(0, 0x7bff)) {
      expect(halfSpacing(halfOfBits(bits))).toBe(halfOfBits(bits + 1) - halfOfBits(bits));
    }
  });
});

describe("rounding by chance", () => {
  const random = fc.integer({ min: 0, max: 2 ** 31 - 1 });

  it("gives one of the two neighbours, away from 0 for small integers", () => {
    fc.assert(
      fc.property(float, random, (x, r) => {
        fc.pre(Math.abs(x) < 65_504);
        const [found, spacing] = [roundToHalfAtRandom(x, r), halfSpacing(x)];
        const towards = Math.sign(x) * Math.floor(Math.abs(x) / spacing) * spacing;
        const share = (Math.abs(x) - Math.abs(towards)) / spacing;
        const away = towards + Math.sign(x) * spacing;
        expect(Math.abs(found)).toBe(Math.abs(r < share * 2 ** 31 ? away : towards));
        expect(Object.is(Math.sign(found), Math.sign(x)) || found === 0).toBe(true);
      }),
      { numRuns: 20_000 },
    );
  });

  it("leaves what an f16 holds, and what is too large for a choice, as the nearest value", () => {
    for (const bits of EVERY) {
      const value = halfOfBits(bits);
      for (const r of [0, 2 ** 31 - 1]) expect(Object.is(roundToHalfAtRandom(value, r), value)).toBe(true);
    }
    expect([65_510, -65_519, 65_520, -1e30].map((x) => roundToHalfAtRandom(x, 0))).toEqual([
      65_504,
      -65_504,
      Infinity,
      -Infinity,
    ]);
  });

  it("is right on average to within five standard errors, also between subnormal values", () => {
    for (const x of [0.1, -1 / 3, 1000.2, 2 ** -24 / 7, -1.01 * 2 ** -15]) {
      const count = 100_000;
      let sum = 0;
      for (let i = 0; i < count; i++) sum += roundToHalfAtRandom(x, randomBits(7, 1, 2, i)) - x;
      const error = halfSpacing(x) * Math.sqrt(0.25 / count) * 5;
      expect(Math.abs(sum / count)).toBeLessThan(error);
      // The nearest value is further off than that, so that the bound would show it.
      expect(Math.abs(roundToHalf(x) - x)).toBeGreaterThan(error);
    }
  });
});

describe("random integers", () => {
  it("are the upper bits of Philox's first word, with the low words of seed and stream and both of step and index", () => {
    const first = (key: readonly [number, number], counter: readonly [number, number, number, number]): number =>
      philox(counter, key)[0] >>> 1;
    expect(randomBits(1, 2, 3, 4)).toBe(first([1, 2], [4, 0, 3, 0]));
    expect(randomBits(-1, 2 ** 32 + 5, -2, 2 ** 40 + 7)).toBe(
      first([0xffff_ffff, 5], [7, 256, 0xffff_fffe, 0xffff_ffff]),
    );
  });

  it("change with each argument", () => {
    const values = [randomBits(0, 0, 0, 0), randomBits(1, 0, 0, 0), randomBits(0, 1, 0, 0), randomBits(0, 0, 1, 0)];
    expect(new Set([...values, randomBits(0, 0, 0, 1), randomBits(0, 0, 0, -1)]).size).toBe(6);
    for (const value of values) expect(value >= 0 && value < 2 ** 31).toBe(true);
  });
});
