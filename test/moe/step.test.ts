/**
 * The training step: what it changes and gives, beside the loss as it is defined and AdamW as it is published.
 *
 * - In float64, by the reference evaluator: the loss is the sum of its parts, written out here; and the gradients, read off
 *   the first moment after one step from 0, are the difference quotients of that loss.
 * - Built for the CPU: three steps in a row, each within the reference's bounds from the state that it began with; and bit
 *   by bit the same in a second run.
 *
 * All of it of both programs: the one in which every expert works on all rows, and the one in which each has its own alone.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as moe from "../../models/moe.ts";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { evaluateProgram, type ProgramEvaluation } from "../../src/ir/tensor/evaluate.ts";
import { buildModel } from "../../src/ir/tensor/model.ts";
import type { Shape, TensorProgram } from "../../src/ir/tensor/types.ts";
import { initialWeights } from "../../src/moe/initialise.ts";
import { MOE_SIZES, type MoeConfig } from "../../src/moe/sizes.ts";
import { stackWeights } from "../../src/moe/stack-weights.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { numbers } from "../conformance/cases.ts";
import { buildInto, proveKernels, unwrap } from "../conformance/library.ts";

const B = 3;
const STEP = 1e-4;
const TOLERANCE = 1e-6;

/** So large a norm that nothing is clipped. */
const SMALL: MoeConfig = {
  ...MOE_SIZES.nano,
  inputs: 4,
  hidden: 5,
  depth: 1,
  experts: 3,
  chosen: 2,
  outcomes: 3,
  actions: 2,
  training: { ...MOE_SIZES.nano.training, balance: 0.5, z: 0.25, maxNorm: 1e6 },
};

/** As the step has it. */
const BETA1 = Math.fround(SMALL.training.beta1);

const LABELS = { outcome: [2, 0, 1], action: [0, 1, 1] } as const;
const IMPORTANCE = [0.5, 0.25, 1];

const PROGRAMS = ["moe_step", "moe_sparse_step"] as const;
type Name = (typeof PROGRAMS)[number];

function stepProgram(config: MoeConfig, wanted: Name = "moe_step"): TensorProgram {
  const module = moe.programs.find(({ name }) => name === wanted);
  if (module === undefined) throw new Error(`no program ${wanted}`);
  return unwrap(buildModel(module, config));
}

const sizeOf = (shape: Shape, rows: number): number =>
  shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : rows), 1);

/** How many axes a weight has in one layer: those of all experts together have one more. */
const rankOf = ({ name, shape }: { readonly name: string; readonly shape: Shape }, program: TensorProgram): number =>
  shape.length - (program.name === "moe_sparse_step" && name.startsWith("experts.") ? 1 : 0);

const isMoment = (name: string): boolean => name.startsWith("mean.") || name.startsWith("square.");

/** Random weights, moments of 0, and the rates of step 1 at a learning rate of 0.01. */
function start(program: TensorProgram, { training }: MoeConfig): Map<string, Float64Array> {
  const next = numbers(23);
  const random = (count: number): Float64Array => Float64Array.from({ length: count }, () => 2 * next() - 1);
  const [x] = program.inputs;
  const values = new Map<string, Float64Array>([["x", random(sizeOf(x?.shape ?? [], B))]]);
  for (const { name, shape } of program.weights) {
    values.set(name, isMoment(name) ? new Float64Array(sizeOf(shape, B)) : random(sizeOf(shape, B)));
  }
  values.set("outcome", Float64Array.from(LABELS.outcome));
  values.set("action", Float64Array.from(LABELS.action));
  values.set("importance", Float64Array.from(IMPORTANCE));
  values.set("rates", Float64Array.of(0.01, 1 - training.beta1, 1 - training.beta2));
  return values;
}

const resultOf = (evaluation: ProgramEvaluation, name: string): Float64Array => {
  const found = evaluation.outputs.get(name) ?? evaluation.updates.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.values;
};

const logSumExp = (x: readonly number[]): number => Math.log(x.reduce((sum, value) => sum + Math.exp(value), 0));

/** The loss by its definition, from the logits and the router's results. */
function definedLoss(evaluation: ProgramEvaluation, values: ReadonlyMap<string, Float64Array>, config: MoeConfig) {
  const { outcomes, actions, experts, chosen, training } = config;
  const rowsOf = (name: string, width: number): number[][] =>
    Array.from({ length: B }, (_, b) => [...resultOf(evaluation, name).slice(b * width, (b + 1) * width)]);
  const [y, p, w] = [rowsOf("y", outcomes + actions), rowsOf("probabilities", experts), rowsOf("weights", experts)];
  const share = Array.from({ length: experts }, (_, e) => w.filter((row) => row[e] !== 0).length / (chosen * B));
  const [weight, bias, x] = ["router.weight", "router.bias", "x"].map(
    (name) => values.get(name) ?? new Float64Array(0),
  );
  const weighted = (loss: (b: number) => number): number =>
    IMPORTANCE.reduce((sum, importance, b) => sum + importance * loss(b), 0);
  const head = (row: readonly number[], label: number): number => logSumExp(row) - (row[label] ?? 0);
  return {
    cross_entropy: weighted((b) => {
      const row = y[b] ?? [];
      return head(row.slice(0, outcomes), LABELS.outcome[b] ?? 0) + head(row.slice(outcomes), LABELS.action[b] ?? 0);
    }),
    balance: weighted((b) => training.balance * experts * share.reduce((sum, f, e) => sum + f * (p[b]?.[e] ?? 0), 0)),
    z: weighted((b) => {
      const logits = share.map((_, e) =>
        Array.from({ length: config.inputs }, (_, i) => i).reduce(
          (sum, i) => sum + (weight?.[e * config.inputs + i] ?? 0) * (x?.[b * config.inputs + i] ?? 0),
          bias?.[e] ?? 0,
        ),
      );
      return training.z * logSumExp(logits) ** 2;
    }),
  };
}

describe.each(PROGRAMS.flatMap((name) => [[name, "erf", false] as const, [name, "tanh", true] as const]))(
  "%s in float64 with GELU %s, renormalised %s",
  (programName, gelu, renormalise) => {
    const config = { ...SMALL, gelu, renormalise };
    const program = stepProgram(config, programName);
    const values = start(program, config);
    const evaluation = evaluateProgram(program, { B }, values);
    const weights = program.weights.map(({ name }) => name).filter((name) => !isMoment(name));

    it("gives the loss and its parts as they are defined", () => {
      const parts = definedLoss(evaluation, values, config);
      for (const [name, value] of Object.entries(parts)) {
        expect(resultOf(evaluation, `loss.${name}`)[0], name).toBeCloseTo(value, 12);
      }
      const sum = Object.values(parts).reduce((total, part) => total + part, 0);
      expect(resultOf(evaluation, "loss")[0]).toBeCloseTo(sum, 12);
      expect(Math.min(...Object.values(parts))).toBeGreaterThan(0.01);
    });

    it.each(weights)("has the difference quotient of the loss as gradient of %s", (name) => {
      const before = values.get(name) ?? new Float64Array(0);
      const chosen = (of: ProgramEvaluation): string => resultOf(of, "weights").map(Math.sign).join();
      const moved = (i: number, by: number): number => {
        const found = evaluateProgram(
          program,
          { B },
          new Map([...values, [name, before.with(i, (before[i] ?? 0) + by)]]),
        );
        expect(chosen(found)).toBe(chosen(evaluation));
        return resultOf(found, "loss")[0] ?? 0;
      };
      const mean = resultOf(evaluation, `mean.${name}`);
      expect(mean).toHaveLength(before.length);
      for (const [i, value] of mean.entries()) {
        const gradient = value / (1 - BETA1);
        const quotient = (moved(i, STEP) - moved(i, -STEP)) / (2 * STEP);
        expect(Math.abs(gradient - quotient), `element ${i}`).toBeLessThan(TOLERANCE);
      }
    });

    it("takes the first step of AdamW against the gradient, and lets matrices alone decay", () => {
      const { decay, epsilon } = config.training;
      let compared = 0;
      for (const weight of program.weights.filter(({ name }) => !isMoment(name))) {
        const { name } = weight;
        const [before, after] = [values.get(name) ?? new Float64Array(0), resultOf(evaluation, name)];
        const mean = resultOf(evaluation, `mean.${name}`);
        for (const [i, w] of before.entries()) {
          const g = (mean[i] ?? 0) / (1 - BETA1);
          const step = g / (Math.abs(g) + epsilon) + (rankOf(weight, program) > 1 ? decay * w : 0);
          // Of a gradient that may as well be 0 the reference does not say how large the step is.
          if (Number.isNaN(after[i])) continue;
          expect(after[i], `${name} ${i}`).toBeCloseTo(w - 0.01 * step, 6);
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(200);
    });

    it("gives the squares of each path's gradients", () => {
      const sums = { router_path: 0, expert_path: 0 };
      for (const name of weights) {
        const path = name.startsWith("router.") ? "router_path" : "expert_path";
        for (const value of resultOf(evaluation, `mean.${name}`)) sums[path] += (value / (1 - BETA1)) ** 2;
      }
      expect(resultOf(evaluation, "squares.router_path")[0]).toBeCloseTo(sums.router_path, 8);
      expect(resultOf(evaluation, "squares.expert_path")[0]).toBeCloseTo(sums.expert_path, 8);
      expect(resultOf(evaluation, "scale")).toEqual(Float64Array.of(1));
    });

    it("clips gradients of a larger norm to the largest that is allowed", () => {
      const clipped = stepProgram({ ...config, training: { ...config.training, maxNorm: 0.125 } }, programName);
      const found = evaluateProgram(clipped, { B }, values);
      const squares = resultOf(found, "squares.router_path")[0] ?? 0;
      const norm = Math.sqrt(squares + (resultOf(found, "squares.expert_path")[0] ?? 0));
      expect(resultOf(found, "scale")[0]).toBeCloseTo(0.125 / norm, 12);
      for (const name of weights) {
        const [all, less] = [resultOf(evaluation, `mean.${name}`), resultOf(found, `mean.${name}`)];
        for (const [i, value] of all.entries()) expect(less[i]).toBeCloseTo((value * 0.125) / norm, 12);
      }
    });
  },
);

describe("a step without auxiliary losses", () => {
  it("has the cross-entropy as its loss", () => {
    const config = { ...SMALL, training: { ...SMALL.training, balance: 0, z: 0 } };
    const program = stepProgram(config);
    expect(program.outputs.map(({ name }) => name).filter((name) => name.startsWith("loss"))).toEqual(["loss"]);
    const values = start(program, config);
    const evaluation = evaluateProgram(program, { B }, values);
    const { cross_entropy } = definedLoss(evaluation, values, SMALL);
    expect(resultOf(evaluation, "loss")[0]).toBeCloseTo(cross_entropy, 12);
  });
});

const BUILT: MoeConfig = { ...SMALL, inputs: 7, hidden: 9, outcomes: 4, actions: 3 };
const folder = mkdtempSync(join(tmpdir(), "tokitai-step-"));
let library: CpuLibrary;
beforeAll(async () => {
  await buildInto(folder, await proveKernels(["moe"], BUILT), await findToolchain(process.env), false);
  library = unwrap(openCpuLibrary(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(PROGRAMS)("%s on the CPU", (programName) => {
  const config = BUILT;
  const program = stepProgram(config, programName);
  const ROWS = 17;
  type Tensors = Record<string, Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>;

  function startOf(): Tensors {
    const next = numbers(5);
    const labels = (classes: number): Int32Array<ArrayBuffer> =>
      Int32Array.from({ length: ROWS }, () => Math.floor(next() * classes));
    return {
      ...Object.fromEntries(initialWeights(7n, program)),
      x: Float32Array.from({ length: ROWS * config.inputs }, () => 2 * next() - 1),
      outcome: labels(config.outcomes),
      action: labels(config.actions),
      importance: new Float32Array(ROWS).fill(1 / ROWS),
      rates: new Float32Array(3),
      ...Object.fromEntries(program.outputs.map(({ name, shape }) => [name, new Float32Array(sizeOf(shape, ROWS))])),
    };
  }

  const isGiven = (name: string): boolean => [...program.inputs, ...program.weights].some((one) => one.name === name);

  /** Three steps, with what `check` does after each. */
  function run(check: (given: ReadonlyMap<string, Float64Array>, tensors: Tensors) => void): Tensors {
    const tensors = startOf();
    const { beta1, beta2 } = config.training;
    for (let step = 1; step <= 3; step++) {
      tensors["rates"]?.set([0.01, 1 - beta1 ** step, 1 - beta2 ** step]);
      const given = Object.entries(tensors).flatMap(([name, data]) =>
        isGiven(name) ? [[name, Float64Array.from(data)] as const] : [],
      );
      library.call(programName, { tensors, dims: { B: ROWS } });
      check(new Map(given), tensors);
    }
    return tensors;
  }

  it("is within the bounds of the reference in three steps in a row, and the loss falls", () => {
    const losses: number[] = [];
    run((given, tensors) => {
      const { outputs, updates, uncertainRows } = evaluateProgram(program, { B: ROWS }, given);
      expect(uncertainRows).toEqual([]);
      for (const [name, { values, bound }] of [...outputs, ...updates]) {
        const wrong = [...values.entries()].filter(
          ([i, value]) => !agrees(tensors[name]?.[i] ?? -77, value, bound[i] ?? 0),
        );
        expect(wrong, name).toEqual([]);
      }
      const finite = [...updates].flatMap(([, { bound }]) => [...bound]).filter(Number.isFinite).length;
      const all = [...updates].reduce((sum, [, { bound }]) => sum + bound.length, 0);
      expect(finite / all).toBeGreaterThan(0.9);
      losses.push(tensors["loss"]?.[0] ?? Number.NaN);
    });
    expect(losses[2]).toBeLessThan(losses[0] ?? 0);
  });

  it("is the same bit by bit in a second run", () => {
    expect(run(() => {})).toEqual(run(() => {}));
  });

  it.each([
    ["mean.router.weight", "square.router.weight"],
    ["router.bias", "mean.router.bias"],
    ["x", "y"],
  ])("refuses %s and %s in one memory, and changes nothing", (one, other) => {
    const tensors = startOf();
    const shared = new Float32Array(Math.max(tensors[one]?.length ?? 0, tensors[other]?.length ?? 0));
    tensors[one] = shared.subarray(0, tensors[one]?.length);
    tensors[other] = shared.subarray(0, tensors[other]?.length);
    const before = structuredClone(tensors);
    expect(() => library.call(programName, { tensors, dims: { B: ROWS } })).toThrow(
      new RegExp(`${programName}: (${one} and ${other}|${other} and ${one}) overlap`),
    );
    expect(tensors).toEqual(before);
  });

  it("refuses a class that the model does not have, and changes nothing", () => {
    const tensors = startOf();
    const before = structuredClone(tensors);
    tensors["outcome"]?.set([config.outcomes], 3);
    before["outcome"]?.set([config.outcomes], 3);
    expect(() => library.call(programName, { tensors, dims: { B: ROWS } })).toThrow(
      /cross_entropy: requires .*first.* which does not hold at b_1 = 3/,
    );
    expect(tensors).toEqual(before);
  });
});

describe("the sparse step", () => {
  it.each([false, true])("changes the weights as the dense one does, renormalised: %j", (renormalise) => {
    const config = { ...SMALL, renormalise };
    const [dense, sparse] = [stepProgram(config), stepProgram(config, "moe_sparse_step")];
    const values = start(dense, config);
    const floats = new Map([...values].map(([name, of]) => [name, Float32Array.from(of)]));
    const weights = new Map<string, Float32Array<ArrayBuffer>>(
      dense.weights.map(({ name }) => [name, floats.get(name) ?? new Float32Array(0)]),
    );
    const given = new Map<string, Float32Array>([...floats].filter(([name]) => !weights.has(name)));
    const [expected, found] = [
      evaluateProgram(dense, { B }, floats),
      evaluateProgram(sparse, { B }, new Map<string, Float32Array>([...given, ...stackWeights(weights)])),
    ];
    expect([...found.outputs.keys()]).toEqual([...expected.outputs.keys()]);
    for (const [name, { values: own }] of expected.outputs) {
      for (const [i, value] of own.entries()) expect(resultOf(found, name)[i], name).toBeCloseTo(value, 10);
    }
    const updates = stackWeights(
      new Map([...expected.updates].map(([name, of]) => [name, Float32Array.from(of.values)])),
    );
    expect([...found.updates.keys()].sort()).toEqual([...updates.keys()].sort());
    let compared = 0;
    for (const [name, own] of updates) {
      for (const [i, value] of own.entries()) {
        const actual = resultOf(found, name)[i] ?? Number.NaN;
        // Of a gradient that may as well be 0 neither reference says how large the step is.
        if (Number.isNaN(value) || Number.isNaN(actual)) continue;
        expect(actual, `${name} ${i}`).toBeCloseTo(value, 5);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(300);
  });
});
