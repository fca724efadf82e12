import { describe, expect, it } from "vitest";
import { norm } from "../../src/ir/tensor/error-model.ts";
import { spectralNormBound } from "../../src/ir/tensor/spectral.ts";
import { randomSource, randomTensor } from "./tensor-simulation.ts";

/** ‖W·v‖₂ for a v that power iteration has turned towards the largest singular vector: never above ‖W‖₂. */
function stretch(matrix: Float64Array, rows: number, columns: number): number {
  let v = new Float64Array(columns).map((_value, i) => 1 + 0.01 * i);
  let image = new Float64Array(rows);
  for (let step = 0; step < 500; step++) {
    const scale = norm(v);
    v = v.map((value) => value / scale);
    image = image.map((_value, r) => v.reduce((sum, value, c) => sum + value * (matrix[r * columns + c] ?? 0), 0));
    const next = v.map((_value, c) => image.reduce((sum, value, r) => sum + value * (matrix[r * columns + c] ?? 0), 0));
    if (step < 499) v = next;
  }
  return norm(image);
}

describe("the bound on the spectral norm", () => {
  it.each([
    [1, 1],
    [4, 96],
    [128, 96],
    [64, 64],
    [20, 128],
  ])("of a random %i×%i matrix is above it, and within a tenth", (rows, columns) => {
    for (const scale of [1e-40, 1, 1e38]) {
      const matrix = Float64Array.from(randomTensor(randomSource(rows), rows * columns)).map((value) => value * scale);
      const [bound, actual] = [spectralNormBound(matrix, rows, columns), stretch(matrix, rows, columns)];
      expect(bound).toBeGreaterThanOrEqual(actual);
      expect(bound).toBeLessThan(1.1 * actual);
    }
  });

  it("of a diagonal matrix is its largest entry, and of zeros 0", () => {
    expect(spectralNormBound(Float64Array.of(3, 0, 0, -7), 2, 2)).toBeCloseTo(7, 6);
    expect(spectralNormBound(new Float64Array(6), 2, 3)).toBe(0);
    expect(spectralNormBound(new Float64Array(0), 0, 3)).toBe(0);
  });

  it("holds above the size up to which powers are taken", () => {
    const size = 520;
    const identity = new Float64Array(size * size).map((_value, i) => (i % (size + 1) === 0 ? 2 : 0));
    expect(spectralNormBound(identity, size, size)).toBeCloseTo(2, 6);
  });
});
