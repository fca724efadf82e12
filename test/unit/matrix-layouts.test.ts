/** Layouts of fragments: each element of a matrix has its lanes, and what finds them in a kernel is their inverse. */

import { describe, expect, it } from "vitest";

import {
  accumulatorPlace,
  MATRIX_LAYOUTS,
  MATRIX_UNITS,
  operandHolders,
  threadNumber,
} from "../../src/ir/kernel/matrix.ts";
import { printExpr } from "../../src/ir/kernel/print.ts";

const SIZE = 16;

describe.each(MATRIX_UNITS)("the layout of %s", (unit) => {
  const layout = MATRIX_LAYOUTS[unit];
  const lanes = Number(layout.lanes);

  it("holds each element of an operand, as often as there are places for it", () => {
    const places = lanes * Number(layout.operandElements);
    const seen = new Set<string>();
    for (let row = 0; row < SIZE; row++) {
      for (let k = 0; k < SIZE; k++) {
        const holders = operandHolders(layout)[row]?.[k] ?? [];
        expect(holders).toHaveLength(places / (SIZE * SIZE));
        for (const { lane, element } of holders) {
          expect(lane).toBeLessThan(lanes);
          seen.add(`${lane} ${element}`);
        }
      }
    }
    expect(seen.size).toBe(places);
  });

  it("holds each element of an accumulator once", () => {
    const seen = new Set<string>();
    for (let lane = 0; lane < lanes; lane++) {
      for (let element = 0; element < Number(layout.accumulatorElements); element++) {
        const { row, column } = accumulatorPlace(layout, lane, element);
        expect(row).toBeLessThan(SIZE);
        expect(column).toBeLessThan(SIZE);
        seen.add(`${row} ${column}`);
      }
    }
    expect(seen.size).toBe(SIZE * SIZE);
    expect(lanes * Number(layout.accumulatorElements)).toBe(SIZE * SIZE);
  });
});

describe("the layouts that differ", () => {
  /** From AMD's matrix instruction calculator: lane 17 and its element 3 of each, as [row, k] and [row, column]. */
  it.each([
    ["gfx11", [1, 3], [7, 1]],
    ["gfx12", [1, 11], [11, 1]],
    ["cdna", [1, 7], [7, 1]],
  ] as const)("%s", (unit, [row, k], [outRow, outColumn]) => {
    const layout = MATRIX_LAYOUTS[unit];
    expect(operandHolders(layout)[row]?.[k]).toContainEqual({ lane: 17, element: 3 });
    expect(accumulatorPlace(layout, 17, 3)).toEqual({ row: outRow, column: outColumn });
  });
});

describe("the number of a thread", () => {
  it("counts x fastest, and leaves out axes of one thread", () => {
    expect(printExpr(threadNumber([64n, 1n, 4n]))).toBe("thread.x + thread.z * 64");
    expect(printExpr(threadNumber([8n, 8n, 2n]))).toBe("thread.x + thread.y * 8 + thread.z * 64");
  });
});
