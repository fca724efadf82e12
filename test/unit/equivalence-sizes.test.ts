/** Shapes at which a kernel is tried out, where its sizes choose how it is cut into blocks: around the blocks of each choice. */

import { describe, expect, it } from "vitest";
import type { Kernel } from "../../src/ir/kernel/types.ts";
import { checkEquivalence } from "../../src/verify/equivalence/equivalence.ts";
import { casesOf } from "../../src/verify/equivalence/sizes.ts";
import { kernelsFrom } from "../kernel-source.ts";

/** y = x + z in blocks of 16 rows where there are at most 4 columns, of 64 where there are more; `first` is what a block begins with. */
const addBy = (first: string): Kernel => {
  const kernel = kernelsFrom(`
import { block, ceilDiv, div, f32, input, kernel, min, output } from "tokitai/dsl";
const rows = (N: number) => (N <= 4 ? 16 : 64);
export const add = kernel(
  { x: input(f32, ["B", "N"]), z: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  { computes: "add", grid: ({ B, N }) => [ceilDiv(B, rows(N))], block: [1] },
  ({ x, z, y }, { B, N }) => {
    const tall = rows(N);
    const b0 = block.x * tall;
    for (let b = b0; b < min(b0 + tall, B); b++) {
      for (let n = 0; n < N; n++) y[b][n] = ${first};
    }
  },
);
`).get("add");
  if (kernel === undefined) throw new Error("no kernel");
  return kernel;
};

describe("sizes that choose how rows are cut", () => {
  it("are tried around the blocks of each choice, and where the choice changes", () => {
    const shapes = casesOf(addBy("x[b][n] + z[b][n]")).cases.map(({ dims }) => `${dims["B"]} ${dims["N"]}`);
    for (const [B, N] of [
      [17, 1],
      [17, 4],
      [17, 5],
      [65, 1],
      [65, 4],
      [65, 5],
    ]) {
      expect(shapes).toContain(`${B} ${N}`);
    }
  });

  it.each([
    ["a second block of few columns", "N <= 4 && block.x > 0 ? x[b][n] : x[b][n] + z[b][n]"],
    ["a second block of many columns", "N > 4 && block.x > 0 ? x[b][n] : x[b][n] + z[b][n]"],
    ["the last row of a block of few columns", "N <= 4 && b - b0 === 15 ? x[b][n] : x[b][n] + z[b][n]"],
    ["the last row of a block of many columns", "N > 4 && b - b0 === 63 ? x[b][n] : x[b][n] + z[b][n]"],
  ])("show what is wrong in %s", (_, first) => {
    expect(verdictOf(addBy("x[b][n] + z[b][n]"))).toEqual(["proved"]);
    expect(verdictOf(addBy(first))).toEqual(["refuted"]);
  });
});

function verdictOf(kernel: Kernel): readonly string[] {
  return checkEquivalence(kernel).verdicts.map(({ verdict }) => verdict);
}
