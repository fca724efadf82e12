/**
 * The path back through grouped-linear: the reference beside the dense operations, shapes that are refused, and kernels that
 * are wrong in the ways that groups of rows invite.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readKernels } from "../../src/compiler/frontend/read.ts";
import { evaluateOperation, evaluateProgram } from "../../src/ir/tensor/evaluate.ts";
import { tensorProgram } from "../../src/ir/tensor/model.ts";
import { printProgram } from "../../src/ir/tensor/print.ts";
import { shapeOf } from "../../src/ir/tensor/shapes.ts";
import { type Op, type Shape, valueId } from "../../src/ir/tensor/types.ts";
import { checkEquivalence } from "../../src/verify/equivalence/equivalence.ts";
import { casesOf } from "../../src/verify/equivalence/sizes.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openSession } from "../../src/verify/session.ts";
import { verifyKernels } from "../../src/verify/verify.ts";
import { unwrap } from "../conformance/library.ts";
import { kernelsFrom } from "../kernel-source.ts";

const [T, N, K, E] = [7, 3, 2, 4];
/** Expert 1 has no rows, expert 3 has most. */
const owners = [0, 0, 2, 3, 3, 3, 3];
const starts = [0, 2, 2, 3, 7];
const values = (length: number, seed: number): Float64Array =>
  Float64Array.from({ length }, (_, i) => Math.fround(Math.sin(seed + 12.9 * i)));
const [dy, x, w] = [values(T * N, 1), values(T * K, 2), values(E * N * K, 3)];
const offsets = { shape: [E + 1], values: Float64Array.from(starts) };
const expert = { shape: [T], values: Float64Array.from(owners) };

/** Rows `first` to `end` (exclusive) of a matrix of this width. */
const rows = (all: Float64Array, width: number, first: number, end: number) => ({
  shape: [end - first, width],
  values: all.slice(first * width, end * width),
});

describe("the reference of", () => {
  it("grouped-matmul-nn is, row by row, the product with the weights of the row's expert", () => {
    const inputs = [{ shape: [T, N], values: dy }, { shape: [E, N, K], values: w }, offsets, expert];
    const grouped = evaluateOperation("grouped_matmul_nn", inputs).outputs.get("y");
    expect(grouped?.shape).toEqual([T, K]);
    for (const [p, e] of owners.entries()) {
      const weights = { shape: [N, K], values: w.slice(e * N * K, (e + 1) * N * K) };
      const own = evaluateOperation("matmul_nn", [rows(dy, N, p, p + 1), weights]).outputs.get("y");
      expect(grouped?.values.slice(p * K, (p + 1) * K)).toEqual(own?.values);
      expect(grouped?.bound.slice(p * K, (p + 1) * K)).toEqual(own?.bound);
      expect(own?.bound.every((bound) => bound > 0 && bound < 1e-5)).toBe(true);
    }
  });

  it("grouped-matmul-tn is the product of each expert's rows, exactly 0 of none", () => {
    const inputs = [{ shape: [T, N], values: dy }, { shape: [T, K], values: x }, offsets];
    const grouped = evaluateOperation("grouped_matmul_tn", inputs).outputs.get("z");
    expect(grouped?.shape).toEqual([E, N, K]);
    for (const [e, first] of starts.slice(0, E).entries()) {
      const end = starts[e + 1] ?? 0;
      const own = evaluateOperation("matmul_tn", [rows(dy, N, first, end), rows(x, K, first, end)]).outputs.get("z");
      expect(grouped?.values.slice(e * N * K, (e + 1) * N * K)).toEqual(own?.values);
      expect(grouped?.bound.slice(e * N * K, (e + 1) * N * K)).toEqual(own?.bound);
      expect(own?.bound.every((bound) => (end > first ? bound > 0 && bound < 1e-5 : bound === 0))).toBe(true);
    }
    expect([...(grouped?.values.slice(N * K, 2 * N * K) ?? [])]).toEqual(new Array(N * K).fill(0));
  });

  it("grouped-column-sum is the sum of each expert's rows, exactly 0 of none", () => {
    const grouped = evaluateOperation("grouped_column_sum", [{ shape: [T, N], values: dy }, offsets]).outputs.get("y");
    expect(grouped?.shape).toEqual([E, N]);
    for (const [e, first] of starts.slice(0, E).entries()) {
      const own = evaluateOperation("column_sum", [rows(dy, N, first, starts[e + 1] ?? 0)]).outputs.get("y");
      expect(grouped?.values.slice(e * N, (e + 1) * N)).toEqual(own?.values);
      expect(grouped?.bound.slice(e * N, (e + 1) * N)).toEqual(own?.bound);
    }
  });

  it("rows that no group can have refuses them", () => {
    const beyond = { shape: [E + 1], values: Float64Array.of(0, 2, 2, 3, T + 1) };
    const inputs = [{ shape: [T, N], values: dy }, beyond];
    expect(() => evaluateOperation("grouped_column_sum", inputs)).toThrow("8 is no number from 0 to below 8");
  });
});

describe("shapes", () => {
  const label = "d.w";
  const ids = { x: valueId("x"), y: valueId("y"), w: valueId("w") };
  const groups = { offsets: valueId("offsets"), expert: valueId("expert") };
  const nn: Op = { kind: "grouped-matmul-nn", label, x: ids.x, w: ids.w, ...groups };
  const tn: Op = { kind: "grouped-matmul-tn", label, x: ids.x, y: ids.y, offsets: groups.offsets };
  const sum: Op = { kind: "grouped-column-sum", label, x: ids.x, offsets: groups.offsets };
  const dot: Op = { kind: "grouped-column-dot", label, x: ids.x, y: ids.y, offsets: groups.offsets };
  const [gates, dy, place] = [valueId("gates"), valueId("dy"), valueId("place")];
  const norm: Op = {
    kind: "grouped-layer-norm-dx",
    label,
    x: ids.x,
    gamma: ids.w,
    dy,
    expert: groups.expert,
    epsilon: 0.5,
  };
  const dparts: Op = { kind: "combine-rows-dparts", label, gates, dy, source: place };
  const dgates: Op = { kind: "combine-rows-dgates", label, gates, parts: ids.x, dy, position: place };
  const dp: Op = { kind: "top-k-gates-dp", label, dgates: gates, ids: place, experts: 4 };
  const rows: Op = { kind: "normalise-rows-dx", label, x: ids.x, y: ids.y, dy };
  const found = (op: Op, shapes: readonly Shape[]): Shape | readonly string[] => {
    const shape = shapeOf(op, shapes);
    return shape.ok ? shape.value : shape.diagnostics.map(({ code, message }) => `${code} ${message}`);
  };

  it.each<readonly [Op, readonly Shape[], Shape]>([
    [nn, [["T", 3], [4, 3, 2], [5], ["T"]], ["T", 2]],
    [nn, [["T", 3], ["E", 3, 2], ["E+1"], ["T"]], ["T", 2]],
    [tn, [["T", 3], ["T", 2], [5]], [4, 3, 2]],
    [tn, [["T", "N"], ["T", "K"], ["E+1"]], ["E", "N", "K"]],
    [sum, [["2*B", 3], [1]], [0, 3]],
    [sum, [["T", 3], ["2*E+2"]], ["2*E+1", 3]],
    [dot, [["T", 3], ["T", 3], ["E+1"]], ["E", 3]],
    [norm, [["T", 3], ["E", 3], ["T", 3], ["T"]], ["T", 3]],
    [dparts, [["B", 2], ["B", 3], ["2*B"]], ["2*B", 3]],
    [dgates, [["B", 2], ["2*B", 3], ["B", 3], ["2*B"]], ["B", 2]],
    [dp, [["B", 2], ["2*B"]], ["B", 4]],
    [
      rows,
      [
        ["B", 2],
        ["B", 2],
        ["B", 2],
      ],
      ["B", 2],
    ],
  ])("$kind of %j is %j", (op, shapes, expected) => {
    expect(found(op, shapes)).toEqual(expected);
  });

  it.each<readonly [Op, readonly Shape[], readonly string[]]>([
    [
      nn,
      [["T", 3], [4, 2, 2], [4], ["R"]],
      [
        "TK251 d.w: w has size 2 on axis 1, expected 3, the size of axis 1 of x",
        "TK251 d.w: offsets has size 4 on axis 0, expected 5, the size of axis 0 of w and one more",
        "TK251 d.w: expert has size R on axis 0, expected T, the size of axis 0 of x",
      ],
    ],
    [
      tn,
      [["T", 3], ["R", 2], [0]],
      [
        "TK251 d.w: y has size R on axis 0, expected T, the size of axis 0 of x",
        "TK251 d.w: offsets has size 0 on axis 0, expected one more than the experts",
      ],
    ],
    [sum, [["T", 3], ["E"]], ["TK251 d.w: offsets has size E on axis 0, expected one more than the experts"]],
    [
      sum,
      [
        ["T", 3],
        [2, 2],
      ],
      ["TK250 d.w: offsets has shape [2, 2] of rank 2, expected rank 1"],
    ],
    [dot, [["T", 3], ["T", 2], ["E+1"]], ["TK251 d.w: y has size 2 on axis 1, expected 3, the size of axis 1 of x"]],
    [
      norm,
      [["T", 3], ["E", 2], ["R", 3], ["R"]],
      [
        "TK251 d.w: gamma has size 2 on axis 1, expected 3, the size of axis 1 of x",
        "TK251 d.w: dy has size R on axis 0, expected T, the size of axis 0 of x",
        "TK251 d.w: expert has size R on axis 0, expected T, the size of axis 0 of x",
      ],
    ],
    [
      dparts,
      [["B", 2], ["R", 3], ["3*B"]],
      [
        "TK251 d.w: dy has size R on axis 0, expected B, the size of axis 0 of gates",
        "TK251 d.w: source has size 3*B on axis 0, expected 2*B, the size of axis 0 of gates times that of axis 1",
      ],
    ],
    [
      dgates,
      [["B", 2], ["3*B", 3], ["B", 4], ["3*B"]],
      [
        "TK251 d.w: dy has size 4 on axis 1, expected 3, the size of axis 1 of parts",
        "TK251 d.w: parts has size 3*B on axis 0, expected 2*B, the size of axis 0 of gates times that of axis 1",
      ],
    ],
    [
      { ...dp, experts: -1 },
      [["B", 2], ["B"]],
      [
        "TK251 d.w: ids has size B on axis 0, expected 2*B, the size of axis 0 of gates times that of axis 1",
        "TK252 d.w: experts is -1, expected an integer from 0",
      ],
    ],
    [
      rows,
      [
        ["B", 2],
        ["B", 3],
        ["B", 2],
      ],
      ["TK251 d.w: y has size 3 on axis 1, expected 2, the size of axis 1 of x"],
    ],
  ])("%j refuses %j", (op, shapes, expected) => {
    expect(found(op, shapes)).toEqual(expected);
  });
});

describe("the gradients of a grouped linear layer", () => {
  const program = unwrap(
    tensorProgram("groups", (t) => {
      const given = { x: t.input("x", ["T", K]), dy: t.input("dy", ["T", N]) };
      const layer = {
        w: t.weight("w", [E, N, K], { kind: "constant", value: 0 }),
        bias: t.weight("bias", [E, N], { kind: "constant", value: 0 }),
      };
      const groups = { offsets: t.input("offsets", [E + 1], "i32"), expert: t.input("expert", ["T"], "i32") };
      const y = t.groupedLinear("y", given.x, layer, groups);
      const wanted = [given.x, layer.w, layer.bias];
      t.output("y", y);
      for (const [i, gradient] of t.gradients([{ of: y, gradient: given.dy }], wanted, (part) => part).entries()) {
        t.output(["dx", "dw", "dbias"][i] ?? "", gradient);
      }
    }),
  );
  const given = new Map([
    ...([
      ["x", x],
      ["dy", dy],
      ["w", w],
      ["bias", values(E * N, 4)],
    ] as const),
    ["offsets", offsets.values],
    ["expert", expert.values],
  ]);
  const outputs = (changed: ReadonlyMap<string, Float64Array> = new Map()) =>
    evaluateProgram(program, { T }, new Map([...given, ...changed])).outputs;

  it("are products of each expert's own rows", () => {
    expect(printProgram(program)).toContain(`  d.x: [T, 2] = grouped-matmul-nn(dy, w, offsets, expert)
  d.w: [4, 3, 2] = grouped-matmul-tn(dy, x, offsets)
  d.bias: [4, 3] = grouped-column-sum(dy, offsets)
`);
  });

  it.each([
    ["x", "dx"],
    ["w", "dw"],
    ["bias", "dbias"],
  ])("by %s are the difference quotients of Σ dy·y", (name, output) => {
    const gradient = outputs().get(output)?.values ?? new Float64Array();
    const start = given.get(name) ?? new Float64Array();
    const loss = (i: number, change: number): number => {
      const moved = start.map((value, at) => (at === i ? value + change : value));
      const y = outputs(new Map([[name, moved]])).get("y")?.values ?? new Float64Array();
      return y.reduce((sum, value, at) => sum + value * (dy[at] ?? 0), 0);
    };
    expect(gradient).toHaveLength(start.length);
    // y is linear in each operand: the quotient has only the rounding of float64.
    for (const [i, value] of gradient.entries())
      expect(Math.abs((loss(i, 1) - loss(i, -1)) / 2 - value)).toBeLessThan(1e-12);
  });
});

const KERNELS = join(import.meta.dirname, "../../kernels");

function changed(file: string, from: string, to: string) {
  const text = readFileSync(join(KERNELS, file), "utf8");
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  const [kernel, another] = [...kernelsFrom(text.replaceAll(from, to)).values()];
  if (kernel === undefined || another !== undefined) throw new Error(`${file} has not one kernel`);
  return kernel;
}

describe("a kernel that sums over an expert's rows", () => {
  it("is executed at as many rows as its tile has, at one more, and at two tiles", () => {
    // The loop ends where the data says: offsets[e + 1], which the contract bounds by T.
    const sizes = (file: string, dim: string) =>
      new Set(casesOf(changed(file, "const end", "const end")).cases.map(({ dims }) => Number(dims[dim])));
    expect([...sizes("grouped-matmul-tn.ts", "T")].sort((a, b) => a - b)).toEqual([0, 1, 2, 15, 16, 17, 32]);
    expect([...sizes("grouped-matmul-tn.ts", "E")].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  });

  it("is executed at what its contract leaves of the small sizes, however many combinations there are", () => {
    const { kernels } = readKernels([join(KERNELS, "../kernels-hip/grouped-matmul-tn.ts")], { cwd: KERNELS });
    const kernel = kernels.find(({ name }) => name === "grouped_matmul_tn_f16_gfx11");
    if (kernel === undefined) throw new Error("no kernel");
    const { cases, textOf } = casesOf(kernel);
    expect(textOf(cases)).toMatch(
      /^T ∈ \{0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 128\}, N ∈ \{0, 2, 62, 64, 66, 128\}, K ∈ \{0, 2, 62, 64, 66, 128\}/,
    );
  });

  it.each<readonly [string, string, string, string]>([
    ["the rows of all later experts", "grouped-matmul-tn.ts", "const end = offsets[e + 1]", "const end = offsets[E]"],
    ["the rows of all earlier experts", "grouped-matmul-tn.ts", "p0 = offsets[e];", "p0 = 0;"],
    ["all but the last row", "grouped-matmul-tn.ts", "const end = offsets[e + 1]", "const end = offsets[e + 1] - 1"],
    ["the last tile's rows of the next expert", "grouped-matmul-tn.ts", "p0 + thread.y < end", "p0 + thread.y < T"],
    ["every other tile", "grouped-matmul-tn.ts", "p0 += TILE", "p0 += 32"],
    ["the last tile", "grouped-matmul-tn.ts", "for (let p = 0", "acc = 0.0; for (let p = 0"],
    ["nothing of what others hold", "grouped-column-sum.ts", "p = offsets[e];", "p = offsets[e] + 1;"],
    ["the rows of all later experts", "grouped-column-sum.ts", "const end = offsets[e + 1]", "const end = offsets[E]"],
    ["the first expert's product", "grouped-matmul-nn.ts", "w[e][n0", "w[0][n0"],
    ["the product of the first row's expert", "grouped-matmul-nn.ts", "w[e][n0", "w[expert[0]][n0"],
    ["rows that start elsewhere", "grouped-matmul-nn.ts", "x[p][n0", "x[p - offsets[e]][n0"],
    ["products with other rows", "grouped-column-dot.ts", "y[p][n]", "y[p - offsets[e]][n]"],
    ["the rows of all later experts", "grouped-column-dot.ts", "const end = offsets[e + 1]", "const end = offsets[E]"],
    [
      "the first expert's gamma in a sum",
      "grouped-layer-norm-dx.ts",
      "dy[p][n] * gamma[expert[p]][n];",
      "dy[p][n] * gamma[0][n];",
    ],
    [
      "the gamma of the first row's expert",
      "grouped-layer-norm-dx.ts",
      "gamma[expert[p]][n] - shift",
      "gamma[expert[0]][n] - shift",
    ],
    ["no slope", "grouped-layer-norm-dx.ts", " - standard * slope", ""],
    ["the gates of another choice", "combine-rows-dparts.ts", "gates[b][mod(t, K)]", "gates[b][mod(p, K)]"],
    ["the gradients of another row", "combine-rows-dparts.ts", "gate * dy[b][n]", "gate * dy[div(p, K)][n]"],
    ["the place for the assignment", "combine-rows-dparts.ts", "const t = source[p]", "const t = p"],
    ["what a gate of 0 keeps out", "combine-rows-dgates.ts", "if (gates[b][s] !== f32(0))", "if (s >= 0)"],
    ["the part at another place", "combine-rows-dgates.ts", "position[b * K + s]", "position[b * K]"],
    ["all choices but the last", "top-k-gates-dp.ts", "s < K; s++", "s < K - 1; s++"],
    ["the choices of the first row", "top-k-gates-dp.ts", "ids[b * K + s]", "ids[s]"],
    ["the last of two equal choices", "top-k-gates-dp.ts", "sum += dgates[b][s]", "sum = dgates[b][s]"],
    ["a mean of x", "normalise-rows-dx.ts", "dy[b][n] * y[b][n]", "dy[b][n] * x[b][n]"],
  ])("is refuted where it computes %s: %s with %s", (_, file, from, to) => {
    const kernel = changed(file, from, to);
    const [verdict] = checkEquivalence(kernel).verdicts;
    expect(verdict?.verdict).toBe("refuted");
    expect(verdict?.witness?.replayed).toMatch(/^the interpreter computes ([yz]|dx|dp|dparts|dgates)/);
  });
});

describe("a kernel that leaves an expert without rows out", () => {
  const pool = new SolverPool({ processes: 1 });
  afterAll(() => pool.close());

  it.each<readonly [string, string, string]>([
    ["grouped-matmul-tn.ts", "let acc", "if (offsets[e] >= end) return;\n    let acc"],
    ["grouped-column-sum.ts", "let sum", "if (offsets[e] >= end) return;\n    let sum"],
  ])("has not written its zeros: %s", async (file, from, to) => {
    const reports = await verifyKernels([changed(file, from, to)], openSession(pool));
    const refuted = reports.flatMap(({ obligations }) => obligations.filter(({ verdict }) => verdict === "refuted"));
    expect(refuted.map(({ id }) => id.split("/")[1])).toContain("coverage");
  });
});
