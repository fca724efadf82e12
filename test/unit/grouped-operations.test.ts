/**
 * Operations on rows that belong to experts: shapes that are refused, of operations and of claims, and the reference beside
 * the dense operations.
 */

import { afterAll, describe, expect, it } from "vitest";
import { evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { type ModelBuilder, tensorProgram } from "../../src/ir/tensor/model.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { kernelsFrom } from "../kernel-source.ts";

const [T, K, E, N] = [7, 3, 4, 2];
/** Expert 1 has no rows, expert 3 has most. */
const expert = Float64Array.of(0, 0, 2, 3, 3, 3, 3);
const offsets = Float64Array.of(0, 2, 2, 3, 7);
const values = (length: number, seed: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => Math.fround(Math.sin(seed + 12.9 * i)));
const [x, w, bias] = [values(T * K, 1), values(E * N * K, 2), values(E * N, 3)];

describe("grouped-linear", () => {
  it("is, row by row, the linear layer of the row's expert, with its bound", () => {
    const grouped = evaluateOperation("grouped_linear", [
      { shape: [T, K], values: x },
      { shape: [E, N, K], values: w },
      { shape: [E, N], values: bias },
      { shape: [E + 1], values: offsets },
      { shape: [T], values: expert },
    ]).outputs.get("y");
    for (const [p, e] of expert.entries()) {
      const own = evaluateOperation("linear", [
        { shape: [1, K], values: x.slice(p * K, (p + 1) * K) },
        { shape: [N, K], values: w.slice(e * N * K, (e + 1) * N * K) },
        { shape: [N], values: bias.slice(e * N, (e + 1) * N) },
      ]).outputs.get("y");
      expect(grouped?.values.slice(p * N, (p + 1) * N)).toEqual(own?.values);
      expect(grouped?.bound.slice(p * N, (p + 1) * N)).toEqual(own?.bound);
      expect(own?.bound.every((bound) => bound > 0 && bound < 1e-5)).toBe(true);
    }
  });

  it("refuses rows that are not of the group in which they stand", () => {
    const wrong = Float64Array.of(0, 1, 2, 3, 3, 3, 3);
    const inputs = [
      { shape: [T, K], values: x },
      { shape: [E, N, K], values: w },
      { shape: [E, N], values: bias },
      { shape: [E + 1], values: offsets },
      { shape: [T], values: wrong },
    ];
    expect(() => evaluateOperation("grouped_linear", inputs)).toThrow("row 1 is not of 0");
  });

  function messages(define: (t: ModelBuilder) => void): readonly string[] {
    const made = tensorProgram("groups", define);
    return made.ok ? [] : made.diagnostics.map(({ message }) => message);
  }

  it.each([
    [[E + 1], "T", [E, N, K], []],
    [[E], "T", [E, N, K], ["offsets has size 4 on axis 0, expected 5, the size of axis 0 of w and one more"]],
    [[E + 1], "R", [E, N, K], ["expert has size R on axis 0, expected T, the size of axis 0 of x"]],
    [[E + 1], "T", [E, N, K + 1], ["w has size 4 on axis 2, expected 3, the size of axis 1 of x"]],
    [
      [E + 1],
      "T",
      [E + 1, N, K],
      [
        "bias has size 4 on axis 0, expected 5, the size of axis 0 of w",
        "offsets has size 5 on axis 0, expected 6, the size of axis 0 of w and one more",
      ],
    ],
  ])("takes offsets %j, experts of %s rows and weights %j", (ends, rows, weights, expected) => {
    const found = messages((t) => {
      const given = t.input("x", ["T", K]);
      const layer = {
        w: t.weight("w", weights, { kind: "constant", value: 0 }),
        bias: t.weight("bias", [E, N], { kind: "constant", value: 0 }),
      };
      const groups = { offsets: t.input("offsets", ends, "i32"), expert: t.input("expert", [rows], "i32") };
      t.output("y", t.groupedLinear("layer", given, layer, groups));
    });
    expect(found).toEqual(expected.map((text) => `layer: ${text}`));
  });
});

describe("a claim of grouped_linear", () => {
  const pool = new SolverPool({ processes: 1 });
  afterAll(() => pool.close());
  const source = (ends: string): string => `import { f32, i32, input, kernel, output } from "tokitai/dsl";
export const claiming = kernel({
  x: input(f32, ["T", "K"]), w: input(f32, ["E", "N", "K"]), bias: input(f32, ["E", "N"]),
  offsets: input(i32, ["${ends}"]), expert: input(i32, ["T"]), y: output(f32, ["T", "N"]),
}, { computes: "grouped_linear", grid: () => [1], block: [1] }, ({ y }, { T, N }) => {
  for (let p = 0; p < T; p++) for (let n = 0; n < N; n++) y[p][n] = f32(0);
});
`;

  it.each([
    ["E+1", "proved"],
    ["E", "refuted"],
    ["E+2", "refuted"],
    ["S", "refuted"],
  ])("with offsets of [%s] is, in its shape, %s", async (ends, expected) => {
    const kernel = kernelsFrom(source(ends)).get("claiming");
    if (kernel === undefined) throw new Error("no kernel");
    const reports = await verifyKernels([kernel], openSession(pool));
    const shape = reports
      .flatMap(({ obligations }) => obligations)
      .filter(({ id }) => id.startsWith("claiming/shape/offsets"));
    expect(shape.map(({ verdict }) => verdict)).toEqual([expected]);
  });
});
