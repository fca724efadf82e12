import { describe, expect, it } from "vitest";
import type { OperationClaim } from "../../src/ir/tensor/claims.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { evaluateOperation, evaluateProgram } from "../../src/ir/tensor/evaluate.ts";
import { tensorProgram } from "../../src/ir/tensor/model.ts";
import { InternalError } from "../../src/support/result.ts";
import { layerNormNaive, randomSource, randomTensor } from "./tensor-simulation.ts";

interface Outcome {
  readonly values: readonly number[];
  readonly bound: readonly number[];
  readonly uncertainRows: readonly number[];
}

type Matrix = readonly (readonly number[])[];

/** Applies a claim to matrices and vectors; the last output. */
function evaluate(claim: OperationClaim, inputs: readonly (Matrix | readonly number[])[], attributes = {}): Outcome {
  const tensors = inputs.map((input) => {
    const rows = input.map((row) => (typeof row === "number" ? [row] : row));
    const flat = rows.flat();
    const shape = typeof input[0] === "number" ? [input.length] : [rows.length, rows[0]?.length ?? 0];
    return { shape, values: Float64Array.from(flat) };
  });
  const { outputs, uncertainRows } = evaluateOperation(claim, tensors, attributes);
  const output = [...outputs.values()].at(-1);
  if (output === undefined) throw new Error(`${claim} has no output`);
  return { values: [...output.values], bound: [...output.bound], uncertainRows };
}

const NAN = Number.NaN;
const INF = Number.POSITIVE_INFINITY;

describe("values by hand", () => {
  it("linear, matmul, bias_add", () => {
    const [x, w] = [
      [
        [1, 2],
        [3, -4],
      ],
      [
        [5, 6],
        [0, 1],
        [2, 2],
      ],
    ] as const;
    expect(evaluate("linear", [x, w, [100, 200, 300]]).values).toEqual([117, 202, 306, 91, 196, 298]);
    expect(evaluate("matmul", [x, w]).values).toEqual([17, 2, 6, -9, -4, -2]);
    expect(evaluate("bias_add", [x, [10, 20]]).values).toEqual([11, 22, 13, 16]);
  });

  it("layer_norm, with the variance of the population", () => {
    const { values } = evaluate("layer_norm", [[[1, 2, 3, 6]], [1, 1, 2, 1], [0, 0, 0, 10]], { epsilon: 0.5 });
    const r = 1 / Math.sqrt(3.5 + 0.5);
    for (const [i, expected] of [-2 * r, -r, 0, 10 + 3 * r].entries()) expect(values[i]).toBeCloseTo(expected, 14);
  });

  it("gelu, both forms", () => {
    const [erf, tanh] = [evaluate("gelu", [[[0, 1, -1, 3]]]).values, evaluate("gelu_tanh", [[[0, 1, -1, 3]]]).values];
    // x·Φ(x) with Φ from a table of the normal distribution; the other form from its definition.
    for (const [i, expected] of [0, 0.8413447460685429, -0.15865525393145707, 2.99595030590511].entries()) {
      expect(erf[i]).toBeCloseTo(expected, 13);
    }
    for (const [i, expected] of [0, 0.84119199, -0.15880801, 2.99636261].entries()) {
      expect(tanh[i]).toBeCloseTo(expected, 6);
    }
  });

  it("softmax", () => {
    const { values } = evaluate("softmax", [[[Math.log(1), Math.log(2), Math.log(5)]]]);
    for (const [i, expected] of [0.125, 0.25, 0.625].entries()) expect(values[i]).toBeCloseTo(expected, 14);
  });

  it("fused claims are their parts in order", () => {
    const [x, bias, gamma, beta] = [[[1, 2, 4]], [3, -1, 0.5], [1, 2, 3], [0.1, 0.2, 0.3]] as const;
    const sum = evaluate("bias_add", [x, bias]).values;
    const norm = evaluate("layer_norm", [[sum], gamma, beta], { epsilon: 1e-5 }).values;
    const fused = evaluate("bias_layer_norm_gelu", [x, bias, gamma, beta], { epsilon: 1e-5 });
    expect(fused.values).toEqual(evaluate("gelu", [[norm]]).values);
    expect(fused.values).not.toEqual(
      evaluate("bias_layer_norm_gelu_tanh", [x, bias, gamma, beta], { epsilon: 1e-5 }).values,
    );
  });
});

describe("top-k", () => {
  const mask = (p: Matrix, k: number): Outcome => evaluate("top_k_mask", [p], { k });

  it("takes the k largest, the lower index where they tie, and leaves exact zeros", () => {
    expect(mask([[0.1, 0.4, 0.2, 0.3]], 2)).toEqual({
      values: [0, 0.4, 0, 0.3],
      bound: [0, 0, 0, 0],
      uncertainRows: [],
    });
    expect(mask([[0.25, 0.25, 0.25, 0.25]], 2).values).toEqual([0.25, 0.25, 0, 0]);
    expect(mask([[0, 7, 7, 7]], 1).values).toEqual([0, 7, 0, 0]);
    expect(mask([[-3, -1, -2]], 1).values).toEqual([0, -1, 0]);
    expect(mask([[3, 1]], 2).values).toEqual([3, 1]);
  });

  it("gives NaN rank 0: it comes out, and displaces nothing", () => {
    expect(mask([[0.1, NAN, 0.3, 0.2]], 1).values).toEqual([0, NAN, 0.3, 0]);
    expect(mask([[NAN, NAN, NAN]], 1).values).toEqual([NAN, NAN, NAN]);
  });

  it("renormalises over the chosen", () => {
    const { values } = evaluate("top_k_mask_renormalised", [[[0.1, 0.4, 0.2, 0.3]]], { k: 2 });
    for (const [i, expected] of [0, 4 / 7, 0, 3 / 7].entries()) expect(values[i]).toBeCloseTo(expected, 14);
  });

  it("lists the rows of which the choice depends on rounding, and widens their bounds to the choice", () => {
    const close = 1 + 2 ** -23;
    const { values, bound, uncertainRows } = evaluate(
      "softmax_top_k",
      [
        [
          [0, 1, 2],
          [1, close, 0],
          [5, 0, 0],
        ],
      ],
      { k: 1 },
    );
    expect(uncertainRows).toEqual([1]);
    expect(values[4]).toBeGreaterThan(0.4);
    // In row 1 either of the first two may be chosen: both are within the bound, 0 included.
    expect(agrees(0, values[4] ?? 0, bound[4] ?? 0)).toBe(true);
    expect(agrees(values[4] ?? 0, values[3] ?? 0, bound[3] ?? 0)).toBe(true);
    expect(bound[5]).toBe(0);
    expect(bound[8]).toBe(0);
    expect(evaluate("softmax_top_k_renormalised", [[[1, close, 0]]], { k: 1 }).bound[0]).toBeGreaterThanOrEqual(1);
  });

  it("is certain where probabilities are 0 in f32 for certain", () => {
    const { values, uncertainRows } = evaluate("softmax_top_k", [[[-10_000, 10_000, -10_000, 0]]], { k: 2 });
    expect(values).toEqual([0, 1, 0, 0]);
    expect(uncertainRows).toEqual([]);
  });
});

describe("extremes", () => {
  it("logits of ±10,000", () => {
    const { values, bound } = evaluate("softmax", [[[10_000, -10_000, 9_999]]]);
    expect(values[1]).toBe(0);
    expect(values[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 14);
    for (const width of bound) expect(width).toBeLessThan(1e-5);
  });

  it("rows with a mean of 10,000: the bound grows by as much as cancellation demands, and no more", () => {
    const next = randomSource(9);
    const width = 128;
    const centred = randomTensor(next, width);
    const shifted = centred.map((value) => value + 10_000);
    const [ones, zeros] = [Array<number>(width).fill(1), Array<number>(width).fill(0)];
    const norm = (x: Float32Array): Outcome => evaluate("layer_norm", [[[...x]], ones, zeros], { epsilon: 1e-5 });
    const [small, large] = [norm(centred), norm(shifted)];
    const widest = (outcome: Outcome): number => Math.max(...outcome.bound);
    expect(widest(large) / widest(small)).toBeGreaterThan(1_000);
    expect(widest(large)).toBeLessThan(2);
    // An f32 variance by E[x²] − E[x]² is outside.
    const naive = layerNormNaive(shifted, width, 1e-5);
    expect(naive.every((value, i) => agrees(value, large.values[i] ?? 0, large.bound[i] ?? 0))).toBe(false);
    // It is inside where nothing cancels, so that the check above is not met by any other defect of it.
    const harmless = layerNormNaive(centred, width, 1e-5);
    expect(harmless.every((value, i) => agrees(value, small.values[i] ?? 0, 2 * (small.bound[i] ?? 0)))).toBe(true);
  });

  it("a row of one value, whose variance is 0", () => {
    const { values, bound } = evaluate("layer_norm", [[[0.1, 0.1, 0.1]], [1, 1, 1], [5, 6, 7]], { epsilon: 1e-5 });
    for (const [i, expected] of [5, 6, 7].entries()) {
      expect(values[i]).toBeCloseTo(expected, 12);
      expect(bound[i]).toBeLessThan(1e-3);
    }
  });

  it("what may overflow in f32 is promised nothing", () => {
    expect(evaluate("linear", [[[3e38, 3e38]], [[1, -1]], [0]])).toMatchObject({ values: [0], bound: [INF] });
    expect(evaluate("layer_norm", [[[3e38, -3e38]], [1, 1], [0, 0]], { epsilon: 1e-5 }).bound).toEqual([INF, INF]);
    expect(evaluate("bias_add", [[[3e38]], [3e38]]).bound).toEqual([INF]);
  });

  it("an empty batch gives empty results", () => {
    const empty = { shape: [0, 3], values: new Float64Array(0) };
    const vector = { shape: [3], values: new Float64Array(3) };
    for (const [claim, inputs] of [
      ["softmax", [empty]],
      ["layer_norm", [empty, vector, vector]],
      ["gelu", [empty]],
      ["softmax_top_k", [empty]],
      ["linear", [empty, { shape: [3, 3], values: new Float64Array(9) }, vector]],
      ["combine", [empty, { shape: [3, 0, 3], values: new Float64Array(0) }]],
    ] as const) {
      const { outputs } = evaluateOperation(claim, inputs, { epsilon: 1e-5, k: 2 });
      expect([...outputs.values()].at(-1)).toMatchObject({ shape: [0, 3], values: new Float64Array(0) });
    }
  });

  it("a sum of nothing is the bias", () => {
    const inputs = [
      { shape: [2, 0], values: new Float64Array(0) },
      { shape: [1, 0], values: new Float64Array(0) },
      { shape: [1], values: Float64Array.of(7) },
    ];
    expect(evaluateOperation("linear", inputs).outputs.get("y")?.values).toEqual(Float64Array.of(7, 7));
  });
});

describe("NaN and infinities", () => {
  it("linear: NaN in a row of x reaches that row alone; so do ∞ − ∞ and ∞·0", () => {
    const w = [
      [1, 2],
      [3, 0],
    ];
    expect(
      evaluate("linear", [
        [
          [1, NAN],
          [1, 1],
        ],
        w,
        [0, 0],
      ]).values,
    ).toEqual([NAN, NAN, 3, 3]);
    const infinite = evaluate("linear", [
      [
        [1, INF],
        [INF, -INF],
      ],
      w,
      [0, 0],
    ]);
    expect(infinite.values).toEqual([INF, NAN, NAN, NAN]);
    expect(infinite.bound).toEqual([0, NAN, NAN, NAN]);
    expect(evaluate("linear", [[[1, 1]], w, [NAN, 0]]).values).toEqual([NAN, 3]);
    expect(
      evaluate("linear", [
        [[1, 1]],
        [
          [1, -INF],
          [3, 0],
        ],
        [0, 0],
      ]).values,
    ).toEqual([-INF, 3]);
  });

  it("layer_norm: one NaN or infinity makes its row NaN", () => {
    const rows = [
      [1, NAN],
      [1, INF],
      [1, 2],
    ];
    const { values, bound } = evaluate("layer_norm", [rows, [1, 1], [0, 0]], { epsilon: 1e-5 });
    expect(values.slice(0, 4)).toEqual([NAN, NAN, NAN, NAN]);
    expect(bound.slice(0, 4)).toEqual([NAN, NAN, NAN, NAN]);
    expect(values.slice(4).every(Number.isFinite)).toBe(true);
    expect(evaluate("layer_norm", [[[1, 2]], [NAN, 1], [0, 0]], { epsilon: 1e-5 }).values[0]).toBeNaN();
  });

  it("softmax: NaN, +∞ and a row of −∞ make NaN; one −∞ is a probability of 0", () => {
    const rows = [
      [0, NAN],
      [0, INF],
      [-INF, -INF],
      [0, -INF],
    ];
    const { values, bound } = evaluate("softmax", [rows]);
    expect(values).toEqual([NAN, NAN, NAN, NAN, NAN, NAN, 1, 0]);
    expect(bound[6]).toBeLessThan(1e-5);
    expect(bound[7]).toBe(0);
  });

  it("gelu follows its definition", () => {
    const { values, bound } = evaluate("gelu", [[[NAN, INF, -INF]]]);
    expect(values).toEqual([NAN, INF, NAN]);
    expect(bound).toEqual([NAN, 0, NAN]);
  });

  it("combine passes over parts of weight 0, whatever they are", () => {
    const parts = { shape: [3, 1, 2], values: Float64Array.of(INF, NAN, 1, 2, 10, 20) };
    const weights = (...values: number[]) => ({ shape: [1, 3], values: Float64Array.from(values) });
    const sum = (...values: number[]) => evaluateOperation("combine", [weights(...values), parts]).outputs.get("y");
    expect(sum(0, 0.5, 0.25)?.values).toEqual(Float64Array.of(3, 6));
    expect(sum(0, 0, 0)).toMatchObject({ values: Float64Array.of(0, 0), bound: Float64Array.of(0, 0) });
    expect(sum(0.5, 0.5, 0)?.values).toEqual(Float64Array.of(INF, NAN));
    expect(sum(NAN, 1, 0)?.values).toEqual(Float64Array.of(NAN, NAN));
  });

  it("are compared by `agrees`", () => {
    expect(agrees(NAN, NAN, NAN)).toBe(true);
    expect(agrees(0, NAN, NAN)).toBe(false);
    expect(agrees(INF, INF, 0)).toBe(true);
    expect(agrees(-INF, INF, 0)).toBe(false);
    expect(agrees(NAN, 1, 0.5)).toBe(false);
    expect(agrees(1.5, 1, 0.5)).toBe(true);
    expect(agrees(1.6, 1, 0.5)).toBe(false);
    expect(agrees(NAN, 1, INF)).toBe(true);
  });
});

describe("what a caller must not do", () => {
  const built = tensorProgram("small", (t) => t.output("y", t.softmax("p", t.input("x", ["B", 3]))));
  if (!built.ok) throw new Error("the program does not build");
  const program = built.value;

  it.each([
    ["no values for x", () => evaluateProgram(program, { B: 1 }, new Map())],
    [
      "x has 4 elements, its shape is [1, 3]",
      () => evaluateProgram(program, { B: 1 }, new Map([["x", new Float32Array(4)]])),
    ],
    ["dimension B is undefined", () => evaluateProgram(program, {}, new Map([["x", new Float32Array(3)]]))],
    ["softmax takes 1 tensors, not 0", () => evaluateOperation("softmax", [])],
    ["top_k_mask without k", () => evaluateOperation("top_k_mask", [{ shape: [1, 1], values: new Float64Array(1) }])],
  ])("%s", (message, run) => {
    expect(run).toThrow(new InternalError(message));
  });
});
