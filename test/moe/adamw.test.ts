/**
 * Conformance of AdamW's step: the CPU build over 100 steps, and the interpreter over a few, against the evaluator; and of
 * the factor by which gradients are clipped.
 *
 * Each step is compared with the float64 step from the very state that the kernel started it with, so that the bound of
 * one step holds in all of them. The evaluator itself is compared with the algorithm as it is published, in float64.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { denseTensor, interpretKernel } from "../../src/ir/kernel/interpret.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { type EvaluatedTensor, evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { type CpuLibrary, LaunchError, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { numbers } from "../conformance/cases.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "../conformance/library.ts";

type Values = Float32Array<ArrayBuffer>;

interface Setting {
  readonly shape: readonly [rows: number, columns: number];
  readonly decay: number;
  /** The factor of gradient clipping. */
  readonly scale: number;
  /** How large gradients are; every fifth element never gets one. */
  readonly size: number;
}

const BETAS = { beta1: Math.fround(0.9), beta2: Math.fround(0.999), epsilon: Math.fround(1e-8) };
const RATE = 0.003;
const UPDATED = ["weight", "mean", "square"] as const;

const SETTINGS: readonly Setting[] = [
  { shape: [0, 5], decay: 0.01, scale: 1, size: 1 },
  { shape: [5, 0], decay: 0.01, scale: 1, size: 1 },
  { shape: [1, 1], decay: 0, scale: 1, size: 1 },
  { shape: [1, 20], decay: 0, scale: 0.5, size: 1 },
  { shape: [4, 64], decay: 0.01, scale: 1, size: 1e-3 },
  { shape: [5, 65], decay: 0.1, scale: 0.25, size: 1e4 },
  { shape: [3, 63], decay: 0.01, scale: 1, size: 1e-9 },
  // Squares that underflow, so that nothing but epsilon is left of the denominator.
  { shape: [9, 129], decay: 0.01, scale: 1, size: 1e-24 },
];
const settingName = ({ shape, decay, scale, size }: Setting): string =>
  `${shape.join("×")}, decay ${decay}, scale ${scale}, gradients of ${size}`;

type Tensors = Readonly<Record<(typeof UPDATED)[number] | "gradient" | "scale" | "rates", Values>>;

function start({ shape, scale }: Setting): Tensors {
  const next = numbers(shape[0] * 1_000 + shape[1]);
  const count = shape[0] * shape[1];
  return {
    weight: Float32Array.from({ length: count }, () => (2 * next() - 1) / 8),
    mean: new Float32Array(count),
    square: new Float32Array(count),
    gradient: new Float32Array(count),
    scale: Float32Array.of(scale),
    rates: new Float32Array(3),
  };
}

/** The gradient and the rates of a step, counted from 1. */
function prepare({ gradient, rates }: Tensors, { size }: Setting, step: number): void {
  const next = numbers(step);
  for (let i = 0; i < gradient.length; i++) gradient[i] = i % 5 === 4 ? 0 : size * (2 * next() - 0.7);
  rates.set([RATE, 1 - BETAS.beta1 ** step, 1 - BETAS.beta2 ** step]);
}

/** What the evaluator says of the state after this step, in the order of `UPDATED`. */
function reference(tensors: Tensors, { shape, decay }: Setting): readonly EvaluatedTensor[] {
  const { weight, mean, square, gradient, scale, rates } = tensors;
  const inputs = [
    ...[weight, mean, square, gradient].map((values) => ({ shape, values })),
    { shape: [1], values: scale },
    { shape: [3], values: rates },
  ];
  return [...evaluateOperation("adamw", inputs, { ...BETAS, decay }).outputs.values()];
}

/** The first element that lies outside its bound, in words. */
function disagreement(tensors: Tensors, expected: readonly EvaluatedTensor[], step: number): string | undefined {
  for (const [position, name] of UPDATED.entries()) {
    const { values, bound } = expected[position] ?? { values: [], bound: [] };
    expect(values.length).toBe(tensors[name].length);
    for (const [i, value] of values.entries()) {
      const found = tensors[name][i] ?? Number.NaN;
      if (!agrees(found, value, bound[i] ?? 0))
        return `step ${step}: ${name}[${i}] is ${found}, not ${value} ± ${bound[i]}`;
    }
  }
  return undefined;
}

const folder = mkdtempSync(join(tmpdir(), "tokitai-adamw-"));
let proved: ProvedSources;
let library: CpuLibrary;

beforeAll(async () => {
  proved = await proveKernels(["kernels/adamw.ts", "kernels/clip-scale.ts"]);
  await buildInto(folder, proved, await findToolchain(process.env), false);
  library = unwrap(openCpuLibrary(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

function call(tensors: Tensors, { shape: [R, C], decay }: Setting, scalars = {}): void {
  library.call("adamw", { tensors, dims: { R, C }, scalars: { ...BETAS, decay, ...scalars } });
}

describe("a step of AdamW", () => {
  it.each(SETTINGS.map((setting) => [settingName(setting), setting] as const))(
    "%s: 100 on the CPU",
    (_name, setting) => {
      const tensors = start(setting);
      for (let step = 1; step <= 100; step++) {
        prepare(tensors, setting, step);
        const expected = reference(tensors, setting);
        for (const { bound } of expected)
          expect(bound.every((error) => error < 1e-6 * (1 + setting.size ** 2))).toBe(true);
        call(tensors, setting);
        expect(disagreement(tensors, expected, step)).toBeUndefined();
      }
    },
  );

  it.each(SETTINGS.map((setting) => [settingName(setting), setting] as const))(
    "%s: 3 interpreted",
    (_name, setting) => {
      const kernel = proved.sources.kernels.find(({ name }) => name === "adamw");
      if (kernel === undefined) throw new Error("no kernel");
      const tensors = start(setting);
      const [R, C] = setting.shape;
      for (let step = 1; step <= 3; step++) {
        prepare(tensors, setting, step);
        const expected = reference(tensors, setting);
        const { faults, complete } = interpretKernel({
          kernel,
          dims: { R: BigInt(R), C: BigInt(C) },
          scalars: { ...BETAS, decay: setting.decay },
          tensors: Object.fromEntries(
            Object.entries(tensors).map(([name, values]) => [
              name,
              denseTensor(name === "scale" ? [1] : name === "rates" ? [3] : [R, C], values),
            ]),
          ),
          width: step === 2 ? 64 : 32,
        });
        expect({ faults, complete }).toEqual({ faults: [], complete: true });
        expect(disagreement(tensors, expected, step)).toBeUndefined();
      }
    },
  );

  it("would be seen to be wrong where one element is off by a little more than its bound", () => {
    const setting: Setting = { shape: [3, 7], decay: 0.01, scale: 1, size: 1 };
    for (const [position, name] of UPDATED.entries()) {
      const tensors = start(setting);
      prepare(tensors, setting, 1);
      const expected = reference(tensors, setting);
      call(tensors, setting);
      const { values = new Float64Array(0), bound = new Float64Array(0) } = expected[position] ?? {};
      tensors[name][5] = (values[5] ?? 0) + 2 * (bound[5] ?? 0) + 2 ** -22 * Math.abs(values[5] ?? 0);
      expect(disagreement(tensors, expected, 1)).toContain(`${name}[5]`);
    }
  });

  it("passes NaN on to the elements that it is in, and to no other", () => {
    const setting: Setting = { shape: [2, 4], decay: 0, scale: 1, size: 1 };
    const tensors = start(setting);
    prepare(tensors, setting, 1);
    tensors.gradient[2] = Number.NaN;
    tensors.weight[6] = Number.NaN;
    const expected = reference(tensors, setting);
    call(tensors, setting);
    expect(disagreement(tensors, expected, 1)).toBeUndefined();
    const placesOfNaN = (values: Values): readonly number[] =>
      [...values.keys()].filter((i) => Number.isNaN(values[i]));
    expect(UPDATED.map((name) => placesOfNaN(tensors[name]))).toEqual([[2, 6], [2], [2]]);
  });

  it.each([{ beta1: 1 }, { beta1: -0.5 }, { beta2: 1 }, { beta2: Number.NaN }, { epsilon: 0 }, { decay: -1 }])(
    "refuses %j and changes nothing",
    (wrong) => {
      const setting: Setting = { shape: [2, 4], decay: 0, scale: 1, size: 1 };
      const tensors = start(setting);
      prepare(tensors, setting, 1);
      expect(() => call(tensors, setting, wrong)).toThrow(LaunchError);
      for (const name of UPDATED) expect(tensors[name]).toEqual(start(setting)[name]);
      call(tensors, setting);
    },
  );
});

describe("the evaluator's step", () => {
  it("is the published algorithm", () => {
    const setting: Setting = { shape: [2, 5], decay: 0.125, scale: 0.5, size: 1 };
    const tensors = start(setting);
    for (let t = 1; t <= 20; t++) {
      prepare(tensors, setting, t);
      const [rate = 0, c1 = 0, c2 = 0] = tensors.rates;
      const [weight, mean, square] = reference(tensors, setting);
      for (let i = 0; i < 10; i++) {
        const g = 0.5 * (tensors.gradient[i] ?? 0);
        const m = BETAS.beta1 * (tensors.mean[i] ?? 0) + (1 - BETAS.beta1) * g;
        const v = BETAS.beta2 * (tensors.square[i] ?? 0) + (1 - BETAS.beta2) * g ** 2;
        const w = tensors.weight[i] ?? 0;
        const decayed = (1 - rate * setting.decay) * w;
        const next = decayed - (rate * m) / c1 / (Math.sqrt(v / c2) + BETAS.epsilon);
        expect(Math.abs((mean?.values[i] ?? 0) - m)).toBeLessThan(1e-15);
        expect(Math.abs((square?.values[i] ?? 0) - v)).toBeLessThan(1e-15);
        expect(Math.abs((weight?.values[i] ?? 0) - next)).toBeLessThan(1e-15);
      }
      tensors.weight.set(weight?.values ?? []);
      tensors.mean.set(mean?.values ?? []);
      tensors.square.set(square?.values ?? []);
    }
    // After 20 steps the state is not that of the start, so that the corrections have been at work.
    expect(tensors.mean.some((m) => m !== 0)).toBe(true);
  });
});

describe("the factor of clipping", () => {
  const clip = (squares: number, most: number): { readonly found: number; readonly expected: EvaluatedTensor } => {
    const tensors = { squares: Float32Array.of(squares), scale: Float32Array.of(-7) };
    library.call("clip_scale", { tensors, dims: {}, scalars: { max_norm: most } });
    const inputs = [{ shape: [1], values: Float32Array.of(squares) }];
    const expected = evaluateOperation("clip_scale", inputs, { max_norm: most }).outputs.get("scale");
    if (expected === undefined) throw new Error("no scale");
    return { found: tensors.scale[0] ?? Number.NaN, expected };
  };

  it("is 1 up to the largest norm, exactly, and 1 for no gradient at all", () => {
    for (const squares of [0, 1e-40, 0.25, 3.9]) {
      const { found, expected } = clip(squares, 2);
      expect([found, expected.values[0], expected.bound[0]]).toEqual([1, 1, 0]);
    }
    expect(clip(4, 2).found).toBe(1);
    expect(clip(Number.NaN, 2)).toMatchObject({ found: 1, expected: { values: new Float64Array([1]) } });
  });

  it("brings a larger norm down to the largest", () => {
    const next = numbers(3);
    for (let trial = 0; trial < 200; trial++) {
      const [squares, most] = [Math.fround(10 ** (20 * next() - 6)), Math.fround(10 ** (4 * next() - 2))];
      const { found, expected } = clip(squares, most);
      const [value = 0, bound = 0] = [expected.values[0], expected.bound[0]];
      expect(Math.abs(value - Math.min(1, most / Math.sqrt(squares)))).toBeLessThan(1e-15);
      expect(bound).toBeLessThan(1e-5 * value);
      expect(agrees(found, value, bound)).toBe(true);
    }
    expect(clip(Number.POSITIVE_INFINITY, 2)).toMatchObject({ found: 0, expected: { values: new Float64Array([0]) } });
  });

  it("may be 1 or a little less where rounding decides on which side the norm is", () => {
    const above = Math.fround(4 * (1 + 2 ** -23));
    const { expected, found } = clip(above, 2);
    expect(expected.values[0]).toBeLessThan(1);
    expect(agrees(found, expected.values[0] ?? 0, expected.bound[0] ?? 0)).toBe(true);
    expect(agrees(1, expected.values[0] ?? 0, expected.bound[0] ?? 0)).toBe(true);
    expect(expected.bound[0]).toBeLessThan(4e-6);
  });

  it.each([0, -1, Number.NaN])("refuses a largest norm of %d", (most) => {
    expect(() => clip(1, most)).toThrow(LaunchError);
  });
});
