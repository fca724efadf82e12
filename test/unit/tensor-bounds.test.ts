import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as moe from "../../models/moe.ts";
import type { OperationClaim } from "../../src/ir/tensor/claims.ts";
import { agrees, type Bounded, norm, rowErrorOf } from "../../src/ir/tensor/error-model.ts";
import {
  type DenseTensor,
  type EvaluatedTensor,
  evaluateOperation,
  evaluateProgram,
} from "../../src/ir/tensor/evaluate.ts";
import { evaluateGelu } from "../../src/ir/tensor/evaluate-elements.ts";
import { evaluateLayerNorm } from "../../src/ir/tensor/evaluate-layer-norm.ts";
import { evaluateSoftmax } from "../../src/ir/tensor/evaluate-softmax.ts";
import { evaluateCombine, evaluateLinear } from "../../src/ir/tensor/evaluate-sums.ts";
import { evaluateTopK } from "../../src/ir/tensor/evaluate-top-k.ts";
import { buildModel } from "../../src/ir/tensor/model.ts";
import { valueId } from "../../src/ir/tensor/types.ts";
import { initialWeights } from "../../src/moe/initialise.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";
import * as f32 from "./tensor-simulation.ts";

const dense = (shape: readonly number[], values: Float32Array): DenseTensor => ({ shape, values });

function reference(
  claim: OperationClaim,
  inputs: readonly DenseTensor[],
  attributes: { epsilon?: number; k?: number } = {},
): EvaluatedTensor {
  const output = [...evaluateOperation(claim, inputs, attributes).outputs.values()].at(-1);
  if (output === undefined) throw new Error(`${claim} has no output`);
  return output;
}

/** The indices at which the simulation is further from the reference than the bound allows. */
function outside(actual: ArrayLike<number>, { values, bound }: EvaluatedTensor): readonly number[] {
  expect(actual.length).toBe(values.length);
  return Array.from(values.keys()).filter(
    (i) => !agrees(actual[i] ?? Number.NaN, values[i] ?? 0, bound[i] ?? Number.NaN),
  );
}

/** Median of |error|/bound, of which a bound far too wide makes next to nothing. */
function medianUse(actual: Float32Array, { values, bound }: EvaluatedTensor): number {
  const uses = Array.from(values, (value, i) => Math.abs((actual[i] ?? Number.NaN) - value) / (bound[i] ?? 0));
  return uses.sort((a, b) => a - b)[uses.length >> 1] ?? Number.NaN;
}

/** Where a worst-case bound should not be far above the error: a few hundred roundings, nothing lost to underflow. */
function isPlain(order: f32.Order, width: number, scale: number): boolean {
  return order === "sequential" && width > 1 && width <= 128 && scale > 1e-20;
}

describe("bounds contain every f32 evaluation with exact inputs", () => {
  const shapes = [
    { rows: 3, width: 1, outputs: 2 },
    { rows: 4, width: 17, outputs: 5 },
    { rows: 2, width: 128, outputs: 9 },
    { rows: 2, width: 601, outputs: 3 },
  ];
  const scales = [
    { scale: 1, offset: 0 },
    { scale: 1, offset: 10_000 },
    { scale: 1e-3, offset: -7 },
    { scale: 3e9, offset: 0 },
    { scale: 1e-30, offset: 0 },
  ];
  const cases = shapes.flatMap((shape) => scales.map((scale) => ({ ...shape, ...scale })));

  it.each(cases)("linear $rows×$width → $outputs, $offset ± $scale", ({ rows, width, outputs, scale, offset }) => {
    const next = f32.randomSource(rows + width);
    const [x, w] = [f32.randomTensor(next, rows * width, scale, offset), f32.randomTensor(next, outputs * width)];
    const bias = f32.randomTensor(next, outputs);
    const expected = reference("linear", [dense([rows, width], x), dense([outputs, width], w), dense([outputs], bias)]);
    for (const order of f32.ORDERS) {
      const actual = f32.linear(x, w, bias, width, order);
      expect(outside(actual, expected)).toEqual([]);
      if (isPlain(order, width, scale)) expect(medianUse(actual, expected)).toBeGreaterThan(1e-4);
    }
  });

  it.each(cases)("layer_norm $rows×$width, $offset ± $scale", ({ rows, width, scale, offset }) => {
    const next = f32.randomSource(width);
    const [x, gamma] = [f32.randomTensor(next, rows * width, scale, offset), f32.randomTensor(next, width, 1, 1)];
    const beta = f32.randomTensor(next, width);
    const inputs = [dense([rows, width], x), dense([width], gamma), dense([width], beta)];
    const expected = reference("layer_norm", inputs, { epsilon: 1e-5 });
    for (const order of f32.ORDERS) {
      const actual = f32.layerNorm(x, gamma, beta, 1e-5, order, next);
      expect(outside(actual, expected)).toEqual([]);
      if (isPlain(order, width, scale)) expect(medianUse(actual, expected)).toBeGreaterThan(1e-4);
    }
  });

  it.each(["erf", "tanh"] as const)("gelu, form %s", (form) => {
    const next = f32.randomSource(5);
    const x = Float32Array.of(
      ...[1e-40, 1e-6, 0.1, 1, 4, 12, 1e5, 1e20].flatMap((scale) => [...f32.randomTensor(next, 400, scale)]),
    );
    const expected = reference(form === "erf" ? "gelu" : "gelu_tanh", [dense([1, x.length], x)]);
    const actual = f32.gelu(x, form, next);
    expect(outside(actual, expected)).toEqual([]);
    // Without the few ulp that the functions may err, the bound would be wrong: so it is close to tight.
    const largest = actual.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - (expected.values[i] ?? 0)) / (expected.bound[i] ?? 1)),
      0,
    );
    expect(largest).toBeGreaterThan(0.3);
  });

  it.each([1, 4, 64, 300])("softmax over %i", (width) => {
    const next = f32.randomSource(width);
    for (const scale of [1e-3, 1, 30, 200, 10_000]) {
      const x = f32.randomTensor(next, 8 * width, scale);
      const expected = reference("softmax", [dense([8, width], x)]);
      for (const order of f32.ORDERS) expect(outside(f32.softmax(x, width, order, next), expected)).toEqual([]);
      for (const [i, value] of expected.values.entries()) {
        expect(expected.bound[i]).toBeLessThan(1e-5 + 1e-2 * value);
      }
    }
  });

  it.each([false, true])("softmax, then top-k, renormalised: %s", (renormalise) => {
    const next = f32.randomSource(11);
    const x = f32.randomTensor(next, 500 * 4, 3);
    const claim = renormalise ? "softmax_top_k_renormalised" : "softmax_top_k";
    const evaluation = evaluateOperation(claim, [dense([500, 4], x)], { k: 2 });
    const expected = evaluation.outputs.get("w");
    if (expected === undefined) throw new Error("no output w");
    expect(evaluation.uncertainRows).toEqual([]);
    for (const order of f32.ORDERS) {
      const actual = f32.topK(f32.softmax(x, 4, order, next), 4, 2, renormalise);
      expect(outside(actual, expected)).toEqual([]);
    }
  });

  it("combine", () => {
    const next = f32.randomSource(3);
    const weights = f32.randomTensor(next, 6 * 5).map((value) => Math.max(value, 0));
    const parts = Array.from({ length: 5 }, () => f32.randomTensor(next, 6 * 7, 100));
    const stacked = Float32Array.of(...parts.flatMap((part) => [...part]));
    const expected = reference("combine", [dense([6, 5], weights), dense([5, 6, 7], stacked)]);
    expect(outside(f32.combine(weights, parts, 7), expected)).toEqual([]);
  });
});

describe("bounds contain what an error of the operands does", () => {
  const label = "test";
  const [x, w, gamma, beta] = ["x", "w", "gamma", "beta"].map(valueId);
  if (x === undefined || w === undefined || gamma === undefined || beta === undefined) throw new Error("no ids");
  const exact = (shape: readonly number[], values: readonly number[]): Bounded => ({
    shape,
    values: Float64Array.from(values),
    bound: undefined,
  });
  const within = (shape: readonly number[], values: readonly number[], bound: readonly number[]): Bounded => ({
    ...exact(shape, values),
    bound: Float64Array.from(bound),
  });
  const real = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true });
  const row = (length: number, limit: number) => fc.array(real(limit), { minLength: length, maxLength: length });

  const rules: readonly {
    name: string;
    width: number;
    apply: (tensor: Bounded, constants: readonly number[]) => Bounded;
  }[] = [
    {
      name: "linear",
      width: 6,
      apply: (tensor, constants) =>
        evaluateLinear({ kind: "linear", label, x, w }, [tensor, exact([4, 6], constants)], new Set()),
    },
    {
      name: "layer-norm",
      width: 6,
      apply: (tensor, constants) =>
        evaluateLayerNorm(
          { kind: "layer-norm", label, x, gamma, beta, epsilon: 1e-5 },
          [tensor, exact([6], constants.slice(0, 6)), exact([6], constants.slice(6, 12))],
          new Set(),
        ),
    },
    {
      name: "gelu erf",
      width: 6,
      apply: (tensor) => evaluateGelu({ kind: "gelu", label, x, form: "erf" }, [tensor], new Set()),
    },
    {
      name: "gelu tanh",
      width: 6,
      apply: (tensor) => evaluateGelu({ kind: "gelu", label, x, form: "tanh" }, [tensor], new Set()),
    },
    {
      name: "softmax",
      width: 6,
      apply: (tensor) => evaluateSoftmax({ kind: "softmax", label, x }, [tensor], new Set()),
    },
    {
      name: "top-k",
      width: 6,
      apply: (tensor) => evaluateTopK({ kind: "top-k", label, p: x, k: 2, renormalise: false }, [tensor], new Set()),
    },
    {
      name: "top-k of a softmax, renormalised",
      width: 6,
      apply: (tensor) => {
        const p = evaluateSoftmax({ kind: "softmax", label, x }, [tensor], new Set());
        return evaluateTopK({ kind: "top-k", label, p: x, k: 2, renormalise: true }, [p], new Set());
      },
    },
    {
      name: "top-k of positive numbers, renormalised",
      width: 6,
      apply: (tensor) => {
        const p = { ...tensor, values: tensor.values.map((value) => value + 6) };
        return evaluateTopK({ kind: "top-k", label, p: x, k: 2, renormalise: true }, [p], new Set());
      },
    },
    {
      name: "combine by weights",
      width: 6,
      apply: (tensor, constants) =>
        evaluateCombine(
          { kind: "combine", label, weights: x, parts: w },
          [tensor, exact([6, 1, 4], constants)],
          new Set(),
        ),
    },
  ];

  it.each(rules)("$name", ({ width, apply }) => {
    fc.assert(
      fc.property(
        row(width, 3),
        row(24, 2),
        fc.constantFrom(1e-6, 1e-3, 0.1, 2, 300),
        // Some elements are exact, and the extremes are where a bound is tight: an element errs by its whole allowance.
        fc.array(fc.constantFrom(0, 0.1, 1), { minLength: width, maxLength: width }),
        fc.array(fc.oneof(fc.constantFrom(-1, 0, 1), real(1)), { minLength: width, maxLength: width }),
        (values, constants, scale, shares, errors) => {
          const allowances = shares.map((share) => scale * share);
          const perturbed = values.map((value, i) => value + (allowances[i] ?? 0) * (errors[i] ?? 0));
          const result = apply(within([1, width], values, allowances), constants);
          const actual = apply(exact([1, width], perturbed), constants).values;
          const slips = actual.map((value, i) => Math.abs(value - (result.values[i] ?? Number.NaN)));
          // The sum of a value and its error is itself rounded, to float64.
          const slack = (bound: number): number => bound * (1 + 1e-9) + 1e-14;
          for (const [i, slip] of slips.entries()) expect(slip).toBeLessThanOrEqual(slack(result.bound?.[i] ?? 0));
          expect(norm(slips)).toBeLessThanOrEqual(slack(rowErrorOf(result, 0, slips.length)));
        },
      ),
      { numRuns: 2_000, seed: 1 },
    );
  });

  it("of layer-norm, for the error that turns a row furthest: by the arcsine of its share of the row's length", () => {
    const share = 0.9;
    const [along, across] = [share * share, share * Math.sqrt(1 - share * share)];
    const errors = [-along, along, across, -across];
    const operands = (row: Bounded): readonly Bounded[] => [row, exact([4], [1, 1, 1, 1]), exact([4], [0, 0, 0, 0])];
    const op = { kind: "layer-norm", label, x, gamma, beta, epsilon: 1e-9 } as const;
    const values = [1, -1, 0, 0];
    const result = evaluateLayerNorm(op, operands(within([1, 4], values, errors.map(Math.abs))), new Set());
    const perturbed = values.map((value, i) => value + (errors[i] ?? 0));
    const actual = evaluateLayerNorm(op, operands(exact([1, 4], perturbed)), new Set()).values;
    const turned = norm(actual.map((value, i) => value - (result.values[i] ?? Number.NaN)));
    // On a sphere of radius √n: the chord of that angle, longer than the share itself.
    expect(turned).toBeCloseTo(2 * 2 * Math.sin(Math.asin(share) / 2), 6);
    expect(rowErrorOf(result, 0, 4)).toBeGreaterThanOrEqual(turned);
    expect(result.rowError?.[0]).toBeGreaterThanOrEqual(turned);
  });

  it("of combine: a weight that may be 0 leaves open whether NaN comes out", () => {
    const parts = exact([2, 1, 1], [Number.NaN, 3]);
    const sum = (weight: number) =>
      evaluateCombine(
        { kind: "combine", label, weights: x, parts: w },
        [within([1, 2], [weight, 1], [0.1, 0]), parts],
        new Set(),
      ).bound;
    expect(sum(0.05)).toEqual(Float64Array.of(Number.POSITIVE_INFINITY));
    expect(sum(0)).toEqual(Float64Array.of(Number.POSITIVE_INFINITY));
    expect(sum(0.5)).toEqual(Float64Array.of(Number.NaN));
  });

  it("is reached by the worst error of a linear layer", () => {
    const weights = [0.5, -2, 1, 0.25, -1, 3];
    const result = evaluateLinear(
      { kind: "linear", label, x, w },
      [
        within(
          [1, 6],
          [1, 1, 1, 1, 1, 1],
          weights.map((weight) => 1e-3 * Math.abs(weight)),
        ),
        exact([1, 6], weights),
      ],
      new Set(),
    );
    const worst = 1e-3 * weights.reduce((total, weight) => total + weight * weight, 0);
    expect(result.bound?.[0]).toBeGreaterThanOrEqual(worst);
    expect(result.bound?.[0]).toBeLessThan(1.01 * worst);
  });
});

describe("bounds through a whole program", () => {
  const config = { ...MOE_SIZES.nano, inputs: 24, hidden: 32, depth: 2 };
  const rows = 40;
  const built = buildModel(moe, config);
  if (!built.ok) throw new Error("the model does not build");
  const program = built.value;
  const next = f32.randomSource(17);
  const tensors = new Map<string, Float32Array>([
    ...initialWeights(3n, program),
    ["x", f32.randomTensor(next, rows * config.inputs, 2)],
  ]);
  const tensor = (name: string): Float32Array => tensors.get(name) ?? new Float32Array(0);
  const evaluation = evaluateProgram(program, { B: rows }, tensors);

  function simulate(order: f32.Order): Readonly<Record<"y" | "probabilities" | "weights", Float32Array>> {
    const layer = (name: string, x: Float32Array, features: number): Float32Array =>
      f32.linear(x, tensor(`${name}.weight`), tensor(`${name}.bias`), features, order);
    const probabilities = f32.softmax(layer("router", tensor("x"), config.inputs), config.experts, order, next);
    const weights = f32.topK(probabilities, config.experts, config.chosen, false);
    const parts = Array.from({ length: config.experts }, (_, e) => {
      let value = tensor("x");
      for (let i = 0; i <= config.depth; i++) {
        const name = `experts.${e}.${3 * i + 1}`;
        const linear = layer(`experts.${e}.${3 * i}`, value, i === 0 ? config.inputs : config.hidden);
        const normal = f32.layerNorm(linear, tensor(`${name}.weight`), tensor(`${name}.bias`), 1e-5, order, next);
        value = f32.gelu(normal, "erf", next);
      }
      return layer(`experts.${e}.${3 * (config.depth + 1)}`, value, config.hidden);
    });
    return { y: f32.combine(weights, parts, 20), probabilities, weights };
  }

  it.each(f32.ORDERS)("hold for the forward pass, summed in %s order", (order) => {
    const actual = simulate(order);
    expect(evaluation.uncertainRows).toEqual([]);
    for (const name of ["y", "probabilities", "weights"] as const) {
      const expected = evaluation.outputs.get(name);
      if (expected === undefined) throw new Error(`no output ${name}`);
      expect(outside(actual[name], expected)).toEqual([]);
    }
  });

  it("are small against the outputs, so that a wrong weight is seen", () => {
    const y = evaluation.outputs.get("y");
    if (y === undefined) throw new Error("no output y");
    const typical = Float64Array.from(y.values, Math.abs).sort()[y.values.length >> 1] ?? 0;
    expect(Math.max(...y.bound)).toBeLessThan(0.05 * typical);
  });
});
