/**
 * The model's backward pass: its gradients against central differences of the forward pass, in float64.
 *
 * Both go through the reference evaluator. The loss is Σ dy·y with random dy, so that its gradients are those that the
 * backward pass makes of dy. A difference quotient errs by h²/6·|L‴| and by the rounding of L over h; with h = 1e-4 and
 * values of order 1 both are below 1e-7. Where a step would change which experts are chosen there is no derivative: the
 * test asserts that none does.
 */

import { describe, expect, it } from "vitest";
import * as moe from "../../models/moe.ts";
import { readSources } from "../../src/compiler/prove.ts";
import { evaluateProgram } from "../../src/ir/tensor/evaluate.ts";
import { buildModel } from "../../src/ir/tensor/model.ts";
import { printProgram } from "../../src/ir/tensor/print.ts";
import type { TensorProgram } from "../../src/ir/tensor/types.ts";
import { MOE_SIZES, type MoeConfig } from "../../src/moe/sizes.ts";
import { numbers } from "../conformance/cases.ts";
import { unwrap } from "../conformance/library.ts";

const B = 3;
const STEP = 1e-4;
const TOLERANCE = 1e-6;

const SMALL: MoeConfig = {
  ...MOE_SIZES.nano,
  inputs: 4,
  hidden: 5,
  depth: 1,
  experts: 3,
  chosen: 2,
  outcomes: 2,
  actions: 1,
};

interface Model {
  readonly forward: TensorProgram;
  readonly backward: TensorProgram;
  readonly values: ReadonlyMap<string, Float64Array>;
  readonly dy: Float64Array;
}

function modelOf(config: MoeConfig): Model {
  const forward = unwrap(buildModel(moe, config));
  const [module] = moe.programs;
  if (module === undefined) throw new Error("no backward program");
  const backward = unwrap(buildModel(module, config));
  const next = numbers(11);
  const random = (count: number): Float64Array => Float64Array.from({ length: count }, () => 2 * next() - 1);
  const size = (shape: readonly (number | string)[]): number =>
    shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : B), 1);
  const tensors = [...forward.inputs, ...forward.weights];
  return {
    forward,
    backward,
    values: new Map(tensors.map(({ name, shape }) => [name, random(size(shape))])),
    dy: random(B * (config.outcomes + config.actions)),
  };
}

function run({ forward, dy }: Model, values: Model["values"]): { readonly loss: number; readonly chosen: string } {
  const { outputs } = evaluateProgram(forward, { B }, values);
  const y = outputs.get("y")?.values ?? new Float64Array(0);
  const weights = outputs.get("weights")?.values ?? new Float64Array(0);
  return { loss: y.reduce((sum, value, i) => sum + value * (dy[i] ?? 0), 0), chosen: weights.map(Math.sign).join() };
}

/** The largest difference between a gradient and its difference quotient, over all elements of a value. */
function worst(model: Model, name: string, gradient: Float64Array): number {
  const { chosen } = run(model, model.values);
  const before = model.values.get(name) ?? new Float64Array(0);
  const moved = (i: number, step: number): number => {
    const value = before.with(i, (before[i] ?? 0) + step);
    const result = run(model, new Map([...model.values, [name, value]]));
    expect(result.chosen).toBe(chosen);
    return result.loss;
  };
  expect(gradient).toHaveLength(before.length);
  const differences = Array.from(gradient, (value, i) =>
    Math.abs(value - (moved(i, STEP) - moved(i, -STEP)) / (2 * STEP)),
  );
  return Math.max(...differences);
}

describe.each([
  ["erf", false],
  ["erf", true],
  ["tanh", false],
  ["tanh", true],
] as const)("gradients with GELU %s, renormalised %s", (gelu, renormalise) => {
  const model = modelOf({ ...SMALL, gelu, renormalise });
  const { outputs } = evaluateProgram(model.backward, { B }, new Map([...model.values, ["dy", model.dy]]));

  it.each([...model.values.keys()])("of %s are the difference quotients of the loss", (name) => {
    const gradient = outputs.get(`d.${name}`)?.values ?? new Float64Array(0);
    expect(worst(model, name, gradient)).toBeLessThan(TOLERANCE);
  });

  it("of the router reach an expert that a row has not chosen, unless weights are renormalised", () => {
    const rowOf = (name: string, values: Float64Array): Float64Array =>
      name === "x" ? values.slice(0, SMALL.inputs) : values;
    const values = new Map([...model.values].map(([name, own]) => [name, rowOf(name, own)]));
    const weights =
      evaluateProgram(model.forward, { B: 1 }, values).outputs.get("weights")?.values ?? new Float64Array(0);
    const dy = model.dy.slice(0, SMALL.outcomes + SMALL.actions);
    const found = evaluateProgram(model.backward, { B: 1 }, new Map([...values, ["dy", dy]])).outputs;
    const bias = found.get("d.router.bias")?.values ?? new Float64Array(0);
    const left = weights.indexOf(0);
    expect(left).toBeGreaterThanOrEqual(0);
    if (renormalise) expect(bias[left]).toBeCloseTo(0, 12);
    else expect(Math.abs(bias[left] ?? 0)).toBeGreaterThan(TOLERANCE);
  });

  it("would show that dX is weighted twice", () => {
    const gradient = outputs.get("d.x")?.values ?? new Float64Array(0);
    const { outputs: forward } = evaluateProgram(model.forward, { B }, model.values);
    const [weight = 0] = (forward.get("weights")?.values ?? new Float64Array(0)).filter((value) => value > 0);
    expect(
      worst(
        model,
        "x",
        gradient.map((value) => value * weight),
      ),
    ).toBeGreaterThan(1_000 * TOLERANCE);
  });
});

describe("the parts of the backward pass", () => {
  it("stand one after another, in the program and in the plan", async () => {
    const { programs } = await readSources({ inputs: ["moe"], cwd: process.cwd(), config: MOE_SIZES.nano });
    const found = programs.find(({ program }) => program.name === "moe_backward");
    if (found === undefined) throw new Error("no moe_backward");
    const lines = printProgram(found.program).split("\n");
    const named = ["router", "experts", "combine", "expert_path", "router_path"];
    expect(lines.filter((line) => line.startsWith("  part ")).map((line) => line.slice(7))).toEqual(named);
    const parts = found.plan.launches.map(({ part }) => part);
    expect(parts.filter((part, i) => part !== parts[i - 1])).toEqual(named);
  });

  it("give every weight a gradient of its shape", () => {
    const { backward } = modelOf(SMALL);
    const outputs = new Map(backward.outputs.map(({ name, shape }) => [name, shape]));
    for (const { name, shape } of backward.weights) expect(outputs.get(`d.${name}`), name).toEqual(shape);
  });
});
