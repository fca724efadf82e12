/** bf16: every bit pattern, and roundings against the bits of the float and against the distances to both neighbours. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bitsOfFloats,
  bitsOfNearest,
  floatsOfBits,
  HALF_FORMATS,
  roundAtRandom,
  roundToNearest,
  spacingAt,
  valueOfBits,
} from "../../src/support/half-formats.ts";
import { randomBits } from "../../src/support/philox.ts";

const EVERY = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
const LARGEST = 0x7f7f;
const view = new DataView(new ArrayBuffer(4));

/** A bf16 is the upper half of a float. */
function upperHalf(bits: number): number {
  view.setUint32(0, bits * 65_536);
  return view.getFloat32(0);
}

function bitsOfFloat(x: number): number {
  view.setFloat32(0, x);
  return view.getUint32(0);
}

const float = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: 0, max: 2 ** 24 }).map((bits) => upperHalf(bits / 65_536)),
);

describe("bf16", () => {
  it("has the values of its bits, all 65,536, and gives the bits back, of NaN those of one NaN", () => {
    for (const bits of EVERY) {
      const value = valueOfBits("bf16", bits);
      expect(Object.is(value, upperHalf(bits))).toBe(true);
      expect(bitsOfNearest("bf16", value)).toBe(Number.isNaN(value) ? 0x7fc0 : bits);
    }
    expect(bitsOfFloats("bf16", floatsOfBits("bf16", EVERY))).toEqual(
      EVERY.map((bits) => ((bits & 0x7fff) > 0x7f80 ? 0x7fc0 : bits)),
    );
  });

  it("rounds to the nearer neighbour, ties to even, subnormal values as well", () => {
    fc.assert(
      fc.property(float, (x) => {
        const below = Math.floor(bitsOfFloat(Math.abs(x)) / 65_536);
        const [low, high] = [upperHalf(below), below === LARGEST ? 2 ** 128 : upperHalf(below + 1)];
        const [down, up] = [Math.abs(x) - low, high - Math.abs(x)];
        const nearest = down < up || (down === up && below % 2 === 0) ? below : below + 1;
        expect(bitsOfNearest("bf16", x)).toBe(nearest + (x < 0 || Object.is(x, -0) ? 0x8000 : 0));
      }),
      { numRuns: 20_000 },
    );
    for (const bits of EVERY.slice(0, LARGEST)) {
      const middle = (upperHalf(bits) + upperHalf(bits + 1)) / 2;
      expect(roundToNearest("bf16", middle)).toBe(upperHalf(bits + (bits % 2)));
      expect(roundToNearest("bf16", -middle)).toBe(-upperHalf(bits + (bits % 2)));
      expect(spacingAt("bf16", upperHalf(bits))).toBe(upperHalf(bits + 1) - upperHalf(bits));
    }
    const half = 2 ** 127 * (2 - 2 ** -8);
    expect([half, -half, half - 2 ** 104, 2 ** -134, -0].map((x) => roundToNearest("bf16", x))).toEqual([
      Infinity,
      -Infinity,
      upperHalf(LARGEST),
      0,
      -0,
    ]);
    expect(roundToNearest("bf16", Number.NaN)).toBeNaN();
  });

  it("is rounded by chance to the neighbour that the bits which go say", () => {
    fc.assert(
      fc.property(float, fc.integer({ min: 0, max: 2 ** 31 - 1 }), (x, random) => {
        fc.pre(Math.abs(x) < HALF_FORMATS.bf16.largest);
        const bits = bitsOfFloat(Math.abs(x));
        const away = random < (bits % 65_536) * 2 ** 15;
        const expected = upperHalf(Math.floor(bits / 65_536) + (away ? 1 : 0));
        expect(Object.is(roundAtRandom("bf16", x, random), x < 0 || Object.is(x, -0) ? -expected : expected)).toBe(
          true,
        );
      }),
      { numRuns: 20_000 },
    );
    expect([3.39e38, -3.4e38].map((x) => roundAtRandom("bf16", x, 0))).toEqual([upperHalf(LARGEST), -Infinity]);
  });

  it("is right on average to within five standard errors, where the nearest value is not", () => {
    for (const x of [0.1, -1 / 3, 1000.2, 2 ** -133 / 7, -1.01 * 2 ** -127]) {
      const count = 100_000;
      const spacing = spacingAt("bf16", x);
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (roundAtRandom("bf16", x, randomBits(7, 1, 2, i)) - x) / spacing;
      const error = Math.sqrt(0.25 / count) * 5;
      expect(Math.abs(sum / count)).toBeLessThan(error);
      expect(Math.abs(roundToNearest("bf16", x) - x) / spacing).toBeGreaterThan(error);
    }
  });
});
