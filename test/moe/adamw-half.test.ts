/**
 * Conformance of AdamW on weights of f16: 100 steps of the CPU build against the float64 evaluator, with steps that are
 * left out; and whether updates far below the distance of two f16 arrive on average.
 *
 * As for adamw, each step starts from the state that the kernel left, so that the bound of one step holds in all of them.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { denseTensor, interpretKernel } from "../../src/ir/kernel/interpret.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { type EvaluatedTensor, evaluateOperation } from "../../src/ir/tensor/evaluate.ts";
import { type CpuLibrary, LaunchError, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import {
  bitsOfHalf,
  floatsToHalves,
  halfOfBits,
  halfSpacing,
  halvesToFloats,
  roundToHalfAtRandom,
} from "../../src/support/float16.ts";
import { randomBits } from "../../src/support/philox.ts";
import { numbers } from "../conformance/cases.ts";
import { buildInto, type ProvedSources, proveKernels, unwrap } from "../conformance/library.ts";

const CONSTANTS = { beta1: Math.fround(0.9), beta2: Math.fround(0.999), epsilon: Math.fround(1e-8) };
const setThreads = koffi.load("libgomp.so.1").func("void omp_set_num_threads(int)");
const SEED = 77;
const STREAM = 5;

interface Setting {
  readonly shape: readonly [rows: number, columns: number];
  readonly decay: number;
  readonly rate: number;
  /** How large gradients are, before they are scaled with the loss. */
  readonly size: number;
  readonly lossScale: number;
}

const SETTINGS: readonly Setting[] = [
  { shape: [0, 5], decay: 0.01, rate: 0.003, size: 1, lossScale: 1 },
  { shape: [1, 20], decay: 0, rate: 0.003, size: 1, lossScale: 65_536 },
  { shape: [4, 64], decay: 0.01, rate: 1e-5, size: 1e-3, lossScale: 1024 },
  { shape: [5, 65], decay: 0.1, rate: 0.01, size: 1e-6, lossScale: 2 ** 24 },
];
const settings = SETTINGS.map((setting) => [JSON.stringify(setting), setting] as const);

function start({ shape: [rows, columns], lossScale }: Setting) {
  const [next, count] = [numbers(rows * 1_000 + columns), rows * columns];
  const values = Float32Array.from({ length: count }, () => (2 * next() - 1) / 8);
  return {
    half: floatsToHalves(values),
    master: values,
    mean: new Float32Array(count),
    square: new Float32Array(count),
    gradient: new Float32Array(count),
    scale: Float32Array.of(1 / lossScale),
    rates: new Float32Array(3),
    random: Int32Array.of(SEED, 0),
  };
}
type State = ReturnType<typeof start>;

/** The gradients of a step counted from 1. Every seventh step overflows, and is left out. */
function prepare(state: State, { size, rate, lossScale }: Setting, step: number): void {
  const next = numbers(step);
  const skipped = step % 7 === 0;
  for (let i = 0; i < state.gradient.length; i++) state.gradient[i] = lossScale * size * (2 * next() - 0.7);
  if (skipped) state.gradient.fill(Number.POSITIVE_INFINITY, 0, 1).fill(Number.NaN, 1, 2);
  state.scale[0] = skipped ? 0 : 1 / lossScale;
  state.rates.set([rate, 1 - CONSTANTS.beta1 ** step, 1 - CONSTANTS.beta2 ** step]);
  state.random[1] = step;
}

function reference(
  claim: "adamw_half" | "adamw_master",
  weight: Float32Array,
  { mean, square, gradient, scale, rates, random }: State,
  { shape, decay }: Setting,
): ReadonlyMap<string, EvaluatedTensor> {
  const inputs = [
    ...[weight, mean, square, gradient].map((values) => ({ shape, values })),
    { shape: [1], values: scale },
    { shape: [3], values: rates },
    ...(claim === "adamw_half" ? [{ shape: [2], values: Float32Array.from(random) }] : []),
  ];
  return evaluateOperation(claim, inputs, { ...CONSTANTS, decay, stream: STREAM }).outputs;
}

function expectWithin(found: Float32Array, { values, bound }: EvaluatedTensor, name: string): void {
  expect(found.length).toBe(values.length);
  for (const [i, value] of values.entries()) {
    if (agrees(found[i] ?? Number.NaN, value, bound[i] ?? 0)) continue;
    throw new Error(`${name}[${i}] is ${found[i]}, not ${value} ± ${bound[i]}`);
  }
}

const output = (outputs: ReadonlyMap<string, EvaluatedTensor>, name: string): EvaluatedTensor => {
  const found = outputs.get(name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

const folder = mkdtempSync(join(tmpdir(), "tokitai-adamw-half-"));
let proved: ProvedSources;
let library: CpuLibrary;

beforeAll(async () => {
  proved = await proveKernels(["kernels/adamw-half.ts", "kernels/adamw-master.ts", "kernels/loss-scale.ts"]);
  await buildInto(folder, proved, await findToolchain(process.env), false);
  library = unwrap(openCpuLibrary(folder));
});
afterAll(() => rmSync(folder, { recursive: true }));

function stepHalf(state: State, { shape: [R, C], decay }: Setting, stream = STREAM): void {
  const { half: weight, mean, square, gradient, scale, rates, random } = state;
  const tensors = { weight, mean, square, gradient, scale, rates, random };
  library.call("adamw_half", { tensors, dims: { R, C }, scalars: { ...CONSTANTS, decay, stream } });
}

function stepMaster(state: State, { shape: [R, C], decay }: Setting): void {
  const { half: weight, master, mean, square, gradient, scale, rates } = state;
  const tensors = { weight, master, mean, square, gradient, scale, rates };
  library.call("adamw_master", { tensors, dims: { R, C }, scalars: { ...CONSTANTS, decay } });
}

describe("a step of AdamW on f16 weights", () => {
  it.each(settings)("%s: 100 on the CPU", (_name, setting) => {
    const state = start(setting);
    let moved = 0;
    for (let step = 1; step <= 100; step++) {
      prepare(state, setting, step);
      const before = halvesToFloats(state.half);
      const outputs = reference("adamw_half", before, state, setting);
      stepHalf(state, setting);
      const after = halvesToFloats(state.half);
      if (state.scale[0] === 0) expect(after).toEqual(before);
      else moved += after.filter((w, i) => w !== before[i]).length;
      expectWithin(after, output(outputs, "new_weight"), `step ${step}: weight`);
      expectWithin(state.mean, output(outputs, "new_mean"), `step ${step}: mean`);
      expectWithin(state.square, output(outputs, "new_square"), `step ${step}: square`);
      // A weight is one of two neighbours: the bound is their distance and the errors of f32.
      const { values, bound } = output(outputs, "new_weight");
      const wide = bound.findIndex((error, i) => error > halfSpacing(Math.abs(values[i] ?? 0) * 1.001) + 1e-6);
      expect(wide).toBe(-1);
    }
    if (state.half.length > 0) expect(moved).toBeGreaterThan(state.half.length);
  });

  it("is rounded by the integers of its seed, stream, step and element, as the interpreter says bit by bit", () => {
    const setting: Setting = { shape: [3, 70], decay: 0.01, rate: 0.003, size: 1, lossScale: 1024 };
    const [R, C] = setting.shape;
    const kernel = proved.sources.kernels.find(({ name }) => name === "adamw_half");
    if (kernel === undefined) throw new Error("no kernel");
    for (const width of [32, 64] as const) {
      const [state, same] = [start(setting), start(setting)];
      prepare(state, setting, 1);
      prepare(same, setting, 1);
      stepHalf(state, setting);
      const weight = halvesToFloats(same.half);
      const { faults, complete } = interpretKernel({
        kernel,
        dims: { R: BigInt(R), C: BigInt(C) },
        scalars: { ...CONSTANTS, decay: setting.decay, stream: STREAM },
        tensors: {
          weight: denseTensor([R, C], weight),
          mean: denseTensor([R, C], same.mean),
          square: denseTensor([R, C], same.square),
          gradient: denseTensor([R, C], same.gradient),
          scale: denseTensor([1], same.scale),
          rates: denseTensor([3], same.rates),
          random: denseTensor([2], same.random),
        },
        width,
      });
      expect({ faults, complete }).toEqual({ faults: [], complete: true });
      expect(floatsToHalves(weight)).toEqual(state.half);
      expect(same.mean).toEqual(state.mean);
    }
    // Another stream, or another step, rounds otherwise; another number of threads does not.
    const rounded = (stream: number, step: number, threads = 2): Uint16Array => {
      setThreads(threads);
      const state = start(setting);
      prepare(state, setting, 1);
      state.random[1] = step;
      stepHalf(state, setting, stream);
      return state.half;
    };
    for (const threads of [1, 2, 5]) expect(rounded(STREAM, 1, threads)).toEqual(rounded(STREAM, 1));
    expect(rounded(STREAM, 1)).not.toEqual(rounded(STREAM + 1, 1));
    expect(rounded(STREAM, 1)).not.toEqual(rounded(STREAM, 2));
  });

  it("lets updates arrive on average that are a hundredth of the distance of two f16, which rounding to the nearest loses", () => {
    const count = 20_000;
    const setting: Setting = { shape: [1, count], decay: 0, rate: 6e-7, size: 1, lossScale: 1 };
    const state = start(setting);
    // At 0.09 two f16 are 2^-14 = 6.1e-5 apart. A constant gradient makes every update the rate.
    const first = halfOfBits(bitsOfHalf(0.09));
    state.half.fill(bitsOfHalf(0.09));
    for (let step = 1; step <= 100; step++) {
      prepare(state, setting, step);
      state.gradient.fill(1);
      state.scale[0] = 1;
      stepHalf(state, setting);
    }
    const moved = halvesToFloats(state.half).map((w) => w - first);
    const mean = moved.reduce((sum, change) => sum + change, 0) / count;
    const spacing = halfSpacing(first);
    expect(setting.rate / spacing).toBeLessThan(0.01);
    // Each of 100 roundings moves by the distance or not: a variance of at most update·distance each.
    const error = Math.sqrt((100 * setting.rate * spacing) / count);
    expect(Math.abs(mean + 100 * setting.rate)).toBeLessThan(5 * error);
    expect(5 * error).toBeLessThan(0.1 * 100 * setting.rate);
    // The same updates, rounded to the nearest, never arrive.
    expect(bitsOfHalf(first - setting.rate)).toBe(bitsOfHalf(first));
  });

  it("decays weights on average by what the formula says, although no single decay is a step of f16", () => {
    const count = 20_000;
    const setting: Setting = { shape: [count, 1], decay: 0.01, rate: 1e-3, size: 0, lossScale: 1 };
    const state = start(setting);
    const first = halfOfBits(bitsOfHalf(0.7));
    state.half.fill(bitsOfHalf(0.7));
    for (let step = 1; step <= 100; step++) {
      prepare(state, setting, step);
      state.gradient.fill(0);
      state.scale[0] = 1;
      stepHalf(state, setting);
    }
    const expected = first * (1 - setting.rate * setting.decay) ** 100;
    const mean = halvesToFloats(state.half).reduce((sum, w) => sum + w, 0) / count;
    const error = Math.sqrt(((first - expected) * halfSpacing(first)) / count);
    expect(Math.abs(mean - expected)).toBeLessThan(5 * error);
    expect(first - expected).toBeGreaterThan(10 * error);
  });

  it("rounds the step on a master by the integer that the claim gives the element", () => {
    const setting: Setting = { shape: [7, 130], decay: 0.1, rate: 0.003, size: 1, lossScale: 1024 };
    const [half, master] = [start(setting), start(setting)];
    master.master.set(halvesToFloats(half.half));
    for (let step = 1; step <= 5; step++) {
      for (const state of [half, master]) prepare(state, setting, step);
      stepHalf(half, setting);
      stepMaster(master, setting);
      const expected = Array.from(master.master, (w, i) => roundToHalfAtRandom(w, randomBits(SEED, STREAM, step, i)));
      expect(half.half).toEqual(floatsToHalves(expected));
      master.master.set(expected);
    }
  });

  it.each([{ beta1: 1 }, { beta2: -0.5 }, { epsilon: 0 }, { decay: -1 }])("refuses %j and changes nothing", (wrong) => {
    const setting: Setting = { shape: [2, 4], decay: 0, rate: 0.1, size: 1, lossScale: 1 };
    const state = start(setting);
    prepare(state, setting, 1);
    const { half: weight, mean, square, gradient, scale, rates, random } = state;
    const tensors = { weight, mean, square, gradient, scale, rates, random };
    const scalars = { ...CONSTANTS, decay: 0, stream: STREAM, ...wrong };
    expect(() => library.call("adamw_half", { tensors, dims: { R: 2, C: 4 }, scalars })).toThrow(LaunchError);
    expect([weight, mean, square]).toEqual([start(setting).half, start(setting).mean, start(setting).square]);
  });
});

describe("a step of AdamW on f32 masters", () => {
  it.each(settings)("%s: 100 on the CPU", (_name, setting) => {
    const state = start(setting);
    for (let step = 1; step <= 100; step++) {
      prepare(state, setting, step);
      const before = state.master.slice();
      const outputs = reference("adamw_master", before, state, setting);
      state.half.fill(0x7fff);
      stepMaster(state, setting);
      if (state.scale[0] === 0) expect(state.master).toEqual(before);
      expectWithin(state.master, output(outputs, "new_master"), `step ${step}: master`);
      expectWithin(state.mean, output(outputs, "new_mean"), `step ${step}: mean`);
      expectWithin(state.square, output(outputs, "new_square"), `step ${step}: square`);
      expectWithin(halvesToFloats(state.half), output(outputs, "weight"), `step ${step}: weight`);
      // The weight is the nearest f16 of the master, exactly.
      expect(state.half).toEqual(floatsToHalves(state.master));
    }
  });
});

describe("the scale of the loss", () => {
  const constants = { max_norm: 2, interval: 3 };

  it("is doubled after steps that were finite and halved after others, as the evaluator says", () => {
    const state = Float32Array.of(65_536, 0);
    const seen: number[][] = [];
    const norms = [1, 1, 1, Infinity, 1, 1, Number.NaN, 3, 1, 1, 3e38, 1, 1];
    for (const norm of norms) {
      const [scaled, scale] = [Math.fround((norm * (state[0] ?? 0)) ** 2), Float32Array.of(-7)];
      const squares = Float32Array.of(norm === 3e38 ? 3e38 : scaled);
      const expected = evaluateOperation(
        "loss_scale",
        [
          { shape: [1], values: squares },
          { shape: [2], values: state.slice() },
        ],
        constants,
      ).outputs;
      library.call("loss_scale", { tensors: { squares, state, scale }, dims: {}, scalars: constants });
      expectWithin(state, output(expected, "new_state"), `norm ${norm}: state`);
      expectWithin(scale, output(expected, "scale"), `norm ${norm}: scale`);
      expect(output(expected, "new_state").bound).toEqual(new Float64Array(2));
      seen.push([scale[0] ?? 0, ...state]);
    }
    expect(seen.slice(0, 7)).toEqual([
      [1 / 65_536, 65_536, 1],
      [1 / 65_536, 65_536, 2],
      [1 / 65_536, 131_072, 0],
      [0, 65_536, 0],
      [1 / 65_536, 65_536, 1],
      [1 / 65_536, 65_536, 2],
      [0, 32_768, 0],
    ]);
    // A norm of 3 is clipped to 2.
    expect(seen[7]?.[0]).toBeCloseTo(2 / 3 / 32_768, 10);
  });

  it("stays between 1 and 2^24", () => {
    const scaleAfter = (scale: number, squares: number): number => {
      const state = Float32Array.of(scale, 100);
      const tensors = { squares: Float32Array.of(squares), state, scale: new Float32Array(1) };
      library.call("loss_scale", { tensors, dims: {}, scalars: constants });
      return state[0] ?? 0;
    };
    expect([scaleAfter(1, Infinity), scaleAfter(2, Infinity), scaleAfter(2 ** 24, 1), scaleAfter(2 ** 23, 1)]).toEqual([
      1,
      1,
      2 ** 24,
      2 ** 24,
    ]);
  });

  it.each([{ max_norm: 0 }, { interval: 0.5 }, { interval: Number.NaN }])("refuses %j", (wrong) => {
    const tensors = { squares: Float32Array.of(1), state: Float32Array.of(4, 0), scale: Float32Array.of(-7) };
    expect(() => library.call("loss_scale", { tensors, dims: {}, scalars: { ...constants, ...wrong } })).toThrow(
      LaunchError,
    );
    expect([...tensors.state, ...tensors.scale]).toEqual([4, 0, -7]);
  });
});
