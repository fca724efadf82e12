/**
 * The sparse forward pass beside the dense one: from the same weights, every row's y is the same within the bounds of both
 * references, whether an expert has no rows, one or all; and bit by bit the same for any number of threads.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as moe from "../../models/moe.ts";
import { readManifest } from "../../src/compiler/build/output.ts";
import { findToolchain } from "../../src/compiler/build/toolchain.ts";
import { agrees } from "../../src/ir/tensor/error-model.ts";
import { evaluateProgram } from "../../src/ir/tensor/evaluate.ts";
import { buildModel } from "../../src/ir/tensor/model.ts";
import { printProgram } from "../../src/ir/tensor/print.ts";
import type { TensorProgram } from "../../src/ir/tensor/types.ts";
import { initialWeights } from "../../src/moe/initialise.ts";
import { packWeights } from "../../src/moe/pack-weights.ts";
import { MOE_SIZES, type MoeConfig } from "../../src/moe/sizes.ts";
import { stackWeights } from "../../src/moe/stack-weights.ts";
import { type CpuLibrary, openCpuLibrary } from "../../src/runtime/cpu/library.ts";
import { numbers } from "../conformance/cases.ts";
import { buildInto, proveKernels, unwrap } from "../conformance/library.ts";

const CONFIG: MoeConfig = {
  ...MOE_SIZES.nano,
  inputs: 7,
  hidden: 19,
  depth: 1,
  experts: 5,
  chosen: 2,
  outcomes: 4,
  actions: 3,
};
const WIDTH = CONFIG.outcomes + CONFIG.actions;
const setThreads = koffi.load("libgomp.so.1").func("void omp_set_num_threads(int)");

function sparseProgram(config: MoeConfig): TensorProgram {
  const module = moe.programs.find(({ name }) => name === "moe_sparse_forward");
  if (module === undefined) throw new Error("no sparse program");
  return unwrap(buildModel(module, config));
}

type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** The router's bias decides how many rows each expert gets. */
function weightsOf(config: MoeConfig, routerBias: readonly number[]): Weights {
  const weights = new Map(initialWeights(3n, unwrap(buildModel(moe, config))));
  weights.set("router.bias", Float32Array.from(routerBias));
  return weights;
}

describe("the sparse program", () => {
  it("has the weights of the dense one, stacked", () => {
    const dense = weightsOf(CONFIG, [0, 0, 0, 0, 0]);
    const stacked = stackWeights(dense);
    const sizes = sparseProgram(CONFIG).weights.map(({ name, shape }) => [name, shape.reduce((a, b) => a * b, 1)]);
    expect(sizes).toEqual([...stacked].map(([name, values]) => [name, values.length]));
    const part = dense.get("experts.3.3.weight");
    expect(stacked.get("experts.3.weight")?.slice(3 * 19 * 19, 4 * 19 * 19)).toEqual(part);
  });

  it("refuses a stack with a hole or of unequal parts", () => {
    const one = new Float32Array(1);
    expect(() => stackWeights(new Map([["experts.1.0.bias", one]]))).toThrow("comes after 0 experts");
    const unequal = new Map([
      ["experts.0.0.bias", one],
      ["experts.1.0.bias", new Float32Array(2)],
    ]);
    expect(() => stackWeights(unequal)).toThrow("part 1 of experts.0.bias has 2 elements");
  });

  it("normalises its gates where the configuration says so", () => {
    expect(printProgram(sparseProgram({ ...CONFIG, renormalise: true }))).toContain(
      "normalise-rows(router.top_k.gates)",
    );
    expect(printProgram(sparseProgram({ ...CONFIG, renormalise: false }))).not.toContain("normalise-rows");
  });
});

/** Biases of the router, and the loads that they are there for. */
const LOADS: readonly (readonly [string, readonly number[], (loads: readonly number[], rows: number) => boolean])[] = [
  ["experts that share the rows", [0, 0, 0, 0, 0], (loads) => loads.every((load) => load > 0)],
  ["two experts with all rows", [0, 40, 0, 40, 0], (loads, rows) => loads.join() === [0, rows, 0, rows, 0].join()],
  [
    "an expert with all rows",
    [0, 0, 0, 0, 40],
    (loads, rows) => loads[4] === rows && loads.some((load) => load < rows),
  ],
];

describe.each([false, true])("on the CPU, renormalised: %j", (renormalise) => {
  const config = { ...CONFIG, renormalise };
  const folder = mkdtempSync(join(tmpdir(), "tokitai-sparse-"));
  const [dense, sparse] = [unwrap(buildModel(moe, config)), sparseProgram(config)];
  let library: CpuLibrary;
  beforeAll(async () => {
    await buildInto(folder, await proveKernels(["moe"], config), await findToolchain(process.env), false);
    library = unwrap(openCpuLibrary(folder));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const rowsOf = (rows: number): Float32Array<ArrayBuffer> => {
    const next = numbers(rows + 1);
    return Float32Array.from({ length: rows * config.inputs }, () => 4 * next() - 2);
  };

  function runSparse(weights: Weights, x: Float32Array<ArrayBuffer>, rows: number) {
    const outputs = {
      y: new Float32Array(rows * WIDTH),
      probabilities: new Float32Array(rows * config.experts),
      ids: new Int32Array(rows * config.chosen),
      gates: new Float32Array(rows * config.chosen),
    };
    const tensors = { x, ...Object.fromEntries(stackWeights(weights)), ...outputs };
    library.call("moe_sparse_forward", { tensors, dims: { B: rows } });
    return outputs;
  }

  function runDense(weights: Weights, x: Float32Array<ArrayBuffer>, rows: number) {
    const outputs = {
      y: new Float32Array(rows * WIDTH),
      probabilities: new Float32Array(rows * config.experts),
      weights: new Float32Array(rows * config.experts),
    };
    library.call("moe_forward", { tensors: { x, ...Object.fromEntries(weights), ...outputs }, dims: { B: rows } });
    return outputs;
  }

  const SIZES = [0, 1, 2, 17, 65];
  const cases = LOADS.flatMap(([name, bias, isMeant]) => SIZES.map((rows) => ({ name, bias, isMeant, rows })));

  it.each(cases)("$rows rows, $name: as its reference and as the dense program", ({ bias, isMeant, rows }) => {
    const [weights, x] = [weightsOf(config, bias), rowsOf(rows)];
    const [own, other] = [runSparse(weights, x, rows), runDense(weights, x, rows)];
    const reference = evaluateProgram(sparse, { B: rows }, new Map([["x", x], ...stackWeights(weights)]));
    const denseReference = evaluateProgram(dense, { B: rows }, new Map([["x", x], ...weights]));
    expect(reference.uncertainRows).toEqual([]);
    expect([...reference.outputs.keys()]).toEqual(Object.keys(own));
    for (const [name, values] of Object.entries(own)) {
      const { values: expected, bound } = reference.outputs.get(name) ?? { values: [], bound: [] };
      const wrong = [...values].filter((value, i) => !agrees(value, expected[i] ?? Number.NaN, bound[i] ?? 0));
      expect([name, expected.length, wrong]).toEqual([name, values.length, []]);
    }
    const [bound, denseBound] = [reference.outputs.get("y")?.bound, denseReference.outputs.get("y")?.bound];
    for (const [i, value] of own.y.entries()) {
      expect(Math.abs(value - (other.y[i] ?? Number.NaN))).toBeLessThanOrEqual(
        (bound?.[i] ?? 0) + (denseBound?.[i] ?? 0),
      );
    }
    const loads = Array.from({ length: config.experts }, (_, e) => own.ids.filter((id) => id === e).length);
    if (rows >= 17) expect(isMeant(loads, rows)).toBe(true);
    // The list of the chosen says what the dense program's mask does.
    const mask = new Float32Array(rows * config.experts);
    for (const [t, id] of own.ids.entries())
      mask[Math.floor(t / config.chosen) * config.experts + id] = own.gates[t] ?? 0;
    expect(mask).toEqual(other.weights);
  });

  it("packs its weights as their layout says, and computes the same bits from them", () => {
    const weights = weightsOf(config, [0, 0, 0, 0, 0]);
    const stacked = stackWeights(weights);
    const packed = packWeights(stacked, config.experts);
    const isNew = ([name]: readonly [string, unknown]): boolean => !stacked.has(name);
    const made = new Map(
      [...packed].filter(isNew).map(([name, { length }]) => [name, new Float32Array(length).fill(9)]),
    );
    const taken = [...stacked].filter(([name]) => !packed.has(name));
    expect([...made.keys()]).toEqual(taken.map(([name]) => `${name}.packed`));
    library.call("moe_pack", { tensors: { ...Object.fromEntries(taken), ...Object.fromEntries(made) }, dims: {} });
    expect(made).toEqual(new Map([...packed].filter(isNew)));
    for (const rows of SIZES) {
      const x = rowsOf(rows);
      const own = runSparse(weights, x, rows);
      const outputs = {
        y: new Float32Array(own.y.length),
        probabilities: new Float32Array(own.probabilities.length),
        ids: new Int32Array(own.ids.length),
        gates: new Float32Array(own.gates.length),
      };
      library.call("moe_packed_forward", {
        tensors: { x, ...Object.fromEntries(packed), ...outputs },
        dims: { B: rows },
      });
      expect(outputs).toEqual(own);
    }
  });

  it.each(["moe_sparse_forward", "moe_packed_forward"])("%s leaves no condition on data to a launch", (name) => {
    const { programs } = unwrap(readManifest(folder));
    const launches = programs.find((program) => program.name === name)?.launches ?? [];
    const onData = launches.flatMap(({ conditions }) => conditions).filter(({ text }) => text.includes("["));
    expect(onData.length).toBeGreaterThan(20);
    expect(onData.filter(({ status }) => !status.startsWith("proved from "))).toEqual([]);
  });

  it("gives the same bits in every run and with any number of threads", () => {
    const [weights, x] = [weightsOf(config, [0, 0, 0, 0, 0]), rowsOf(65)];
    const results = [1, 2, 5, 2].map((threads) => {
      setThreads(threads);
      return { sparse: runSparse(weights, x, 65), dense: runDense(weights, x, 65) };
    });
    for (const result of results) expect(result).toEqual(results[0]);
  });
});
