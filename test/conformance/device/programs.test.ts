/**
 * Whole programs as machine code for gfx1101: the plans that the CPU runs, by the same launchers, within the reference's bounds.
 * It needs a checkout of tinygrad, which TOKITAI_TINYGRAD names; without one it says so.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as moe from "../../../models/moe.ts";
import { findToolchain } from "../../../src/compiler/build/toolchain.ts";
import { sizeOfDim } from "../../../src/ir/tensor/dim.ts";
import { agrees } from "../../../src/ir/tensor/error-model.ts";
import { evaluateProgram } from "../../../src/ir/tensor/evaluate.ts";
import { buildModel } from "../../../src/ir/tensor/model.ts";
import type { Shape } from "../../../src/ir/tensor/types.ts";
import { MOE_SIZES, type MoeConfig } from "../../../src/moe/sizes.ts";
import { LaunchError, type TensorData } from "../../../src/runtime/cpu/arguments.ts";
import { type DeviceLibrary, openDeviceLibrary } from "../../../src/runtime/hip/library.ts";
import { numbers } from "../cases.ts";
import { buildInto, proveKernels, unwrap } from "../library.ts";
import { describeExecuted, emulator, TINYGRAD } from "./emulator-place.ts";

const B = 17;
const CONFIG: MoeConfig = {
  ...MOE_SIZES.nano,
  inputs: 7,
  hidden: 9,
  depth: 1,
  experts: 3,
  chosen: 2,
  outcomes: 4,
  actions: 3,
};
const CLASSES: Readonly<Record<string, number>> = { outcome: CONFIG.outcomes, action: CONFIG.actions };

describeExecuted("programs as machine code for gfx1101", 600_000, () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-programs-"));
  let library: DeviceLibrary;
  beforeAll(async () => {
    const toolchain = await findToolchain(process.env);
    await buildInto(folder, await proveKernels(["moe"], CONFIG), toolchain, false, "hip");
    const options = { ...emulator(TINYGRAD, "shuffled"), architecture: "gfx1101" };
    library = unwrap(await openDeviceLibrary(folder, toolchain, options));
  });
  afterAll(() => {
    library?.close();
    rmSync(folder, { recursive: true });
  });

  const sizeOf = (shape: Shape, rows: number): number =>
    shape.reduce<number>((product, dim) => product * (sizeOfDim(dim, { B: rows }) ?? Number.NaN), 1);

  it.each(moe.programs.map(({ name }) => name))("%s is within the bounds of the reference", async (name) => {
    const module = moe.programs.find((one) => one.name === name);
    if (module === undefined) throw new Error(`no ${name}`);
    const program = unwrap(buildModel(module, CONFIG));
    const next = numbers(23);
    const random = (count: number): Float32Array => Float32Array.from({ length: count }, () => 2 * next() - 1);
    const given: Record<string, TensorData> = {};
    for (const { name: tensor, shape } of [...program.inputs, ...program.weights]) {
      const classes = CLASSES[tensor];
      const values = random(sizeOf(shape, B));
      // Second moments are not negative, and rates are those of a step.
      if (tensor.startsWith("square.")) given[tensor] = values.map(Math.abs);
      else if (tensor === "rates") given[tensor] = Float32Array.of(0.01, 0.1, 0.001);
      else
        given[tensor] =
          classes === undefined ? values : Int32Array.from(values, (v) => Math.floor(((v + 1) / 2) * classes));
    }
    const before = new Map(Object.entries(given).map(([tensor, data]) => [tensor, Float64Array.from(data, Number)]));
    const { outputs, updates, uncertainRows } = evaluateProgram(program, { B }, before);
    expect(uncertainRows).toEqual([]);
    const built = library.abi.programs.find((one) => one.name === name);
    const results = Object.fromEntries(
      program.outputs.map(({ name: output, shape }): [string, TensorData] => {
        const element = built?.fields.find((field) => field.name === output)?.element;
        const size = sizeOf(shape, B);
        return [output, element === "f32" ? new Float32Array(size) : new Int32Array(size)];
      }),
    );
    const launched = await library.call(name, { tensors: { ...given, ...results }, dims: { B } });
    const plan = library.manifest.programs.find((one) => one.name === name);
    expect(launched.length).toBeGreaterThanOrEqual(plan?.launches.length ?? Number.NaN);
    let compared = 0;
    for (const [tensor, { values, bound }] of [...outputs, ...updates]) {
      const actual = results[tensor] ?? given[tensor];
      for (const [i, value] of values.entries()) {
        if (!agrees(Number(actual?.[i]), value, bound[i] ?? 0))
          throw new Error(`${tensor} ${i}: ${actual?.[i]}, not ${value}`);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(B * CONFIG.experts);
  });

  it("refuses rows that are too few, and computes nothing", async () => {
    const program = unwrap(buildModel(moe, CONFIG));
    const tensors = Object.fromEntries(
      [...program.inputs, ...program.weights, ...program.outputs].map(({ name, shape }) => {
        return [name, new Float32Array(sizeOf(shape, B))];
      }),
    );
    await expect(library.call(program.name, { tensors, dims: { B: B + 1 } })).rejects.toThrow(LaunchError);
  });
});
