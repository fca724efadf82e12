/** The paired bootstrap: what it says of predictions whose difference is known. */

import { describe, expect, it } from "vitest";
import { compareAccuracies } from "../../bench/bootstrap.ts";

const ROWS = 1_000;
const truth = Int32Array.from({ length: ROWS }, (_, row) => row % 3);
/** Right but for every `every`-th row, from `start`. */
const wrongAt = (every: number, start = 0): Int32Array =>
  truth.map((label, row) => (row % every === start ? (label + 1) % 3 : label));

describe("compareAccuracies", () => {
  it("finds no difference between equal predictions", () => {
    expect(compareAccuracies(wrongAt(5), wrongAt(5), truth)).toEqual({ difference: 0, interval: [0, 0], worse: 0 });
  });

  it("has an interval as wide as the normal approximation says", () => {
    // 200 rows that only the first gets wrong, 100 that only the second does: variance (0.3 − 0.1²)/1000.
    const { difference, interval, worse } = compareAccuracies(wrongAt(5), wrongAt(10, 1), truth);
    const deviation = Math.sqrt((0.3 - 0.01) / ROWS);
    expect(difference).toBeCloseTo(-0.1, 12);
    expect(interval[0]).toBeCloseTo(-0.1 - 1.96 * deviation, 2);
    expect(interval[1]).toBeCloseTo(-0.1 + 1.96 * deviation, 2);
    expect(worse).toBeGreaterThan(0.999);
  });

  it("is the same for the same seed, and turned round where the lists are", () => {
    const [a, b] = [wrongAt(7), wrongAt(6, 2)];
    const options = { resamples: 500, seed: 9 };
    const forward = compareAccuracies(a, b, truth, options);
    expect(compareAccuracies(a, b, truth, options)).toEqual(forward);
    expect(compareAccuracies(b, a, truth, options).difference).toBeCloseTo(-forward.difference, 12);
    expect(compareAccuracies(a, b, truth, { ...options, seed: 10 }).interval).not.toEqual(forward.interval);
  });

  it("refuses lists of different lengths", () => {
    expect(() => compareAccuracies(wrongAt(5), wrongAt(5).subarray(1), truth)).toThrow(RangeError);
  });
});
