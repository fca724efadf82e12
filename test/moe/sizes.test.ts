import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as moe from "../../models/moe.ts";
import { buildModel } from "../../src/ir/tensor/model.ts";
import type { TensorProgram } from "../../src/ir/tensor/types.ts";
import { parseMoeConfig } from "../../src/moe/config.ts";
import { initialRange, initialTensor, initialWeights } from "../../src/moe/initialise.ts";
import { accountFor, MOE_SIZE_NAMES, MOE_SIZES, type MoeConfig } from "../../src/moe/sizes.ts";
import { philox } from "../../src/support/philox.ts";
import { InternalError } from "../../src/support/result.ts";

function programOf(config: MoeConfig): TensorProgram {
  const built = buildModel(moe, config);
  if (!built.ok) throw new Error(built.diagnostics.map(({ message }) => message).join("; "));
  return built.value;
}

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

describe("sizes", () => {
  it.each([
    ["nano", 195_540, 58, 1_955_400],
    ["tiny", 84_984_276, 106, 849_842_760],
    ["medium", 337_740_244, 106, 3_377_402_440],
    ["full", 807_846_356, 218, 8_078_463_560],
  ] as const)("%s has %i parameters in %i tensors: %i bytes", (size, parameters, tensors, totalBytes) => {
    expect(accountFor(MOE_SIZES[size])).toEqual({
      parameters,
      tensors,
      weightBytesFp16: 2 * parameters,
      momentBytesFp32: 8 * parameters,
      totalBytes,
    });
  });

  const other: MoeConfig = { ...MOE_SIZES.nano, inputs: 7, hidden: 5, depth: 0, experts: 3, outcomes: 2, actions: 1 };
  it.each([...MOE_SIZE_NAMES.map((size) => MOE_SIZES[size]), other])(
    "the program's weights are what is accounted for: hidden $hidden, depth $depth",
    (config) => {
      const { weights } = programOf(config);
      const { parameters, tensors } = accountFor(config);
      expect(weights).toHaveLength(tensors);
      expect(weights.reduce((total, { shape }) => total + elements(shape), 0)).toBe(parameters);
    },
  );

  it("accept a configuration with its defaults", () => {
    expect(parseMoeConfig({ hidden: 128, depth: 2 })).toEqual({ ok: true, value: MOE_SIZES.nano });
  });

  it.each([
    [{ hidden: 128 }, /depth/],
    [{ hidden: 0, depth: 2 }, /hidden/],
    [{ hidden: 128.5, depth: 2 }, /hidden/],
    [{ hidden: 128, depth: 2, experts: 65 }, /experts/],
    [{ hidden: 128, depth: 2, experts: 16, chosen: 9 }, /chosen/],
    [{ hidden: 128, depth: 2, experts: 3, chosen: 4 }, /chosen: expected at most the number of experts/],
    [{ hidden: 128, depth: 2, gelu: "relu" }, /gelu/],
    [{ hidden: 128, depth: 2, epsilon: 0 }, /epsilon/],
    [{ hidden: 128, depth: 2, epsilon: Number.NaN }, /epsilon/],
    [{ hidden: 128, depth: 2, width: 4 }, /width/],
    ["nano", /expected object/],
  ])("refuse %j", (config, message) => {
    const result = parseMoeConfig(config);
    expect(result.ok).toBe(false);
    if (result.ok) return;
    for (const { code } of result.diagnostics) expect(code).toBe("TK270");
    expect(result.diagnostics.map((diagnostic) => diagnostic.message).join("\n")).toMatch(message);
  });
});

describe("the model", () => {
  const program = programOf(MOE_SIZES.nano);

  it("names its weights as PyTorch would", () => {
    const names: readonly string[] = program.weights.map(({ name }) => name);
    expect(names.slice(0, 16)).toEqual([
      "router.weight",
      "router.bias",
      ...[0, 1, 3, 4, 6, 7, 9].flatMap((place) => [`experts.0.${place}.weight`, `experts.0.${place}.bias`]),
    ]);
    expect(new Map(program.weights.map(({ name, shape }) => [`${name}`, shape])).get("experts.3.9.weight")).toEqual([
      20, 128,
    ]);
  });

  it("has the outputs of the design, with a symbolic batch", () => {
    expect(program.name).toBe("moe_forward");
    expect(program.dims).toEqual(["B"]);
    expect(program.inputs).toEqual([{ name: "x", shape: ["B", 96], element: "f32" }]);
    expect(program.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["y", ["B", 20]],
      ["probabilities", ["B", 4]],
      ["weights", ["B", 4]],
    ]);
  });

  it("follows its configuration", () => {
    const { nodes } = programOf({
      ...MOE_SIZES.nano,
      depth: 1,
      gelu: "tanh",
      epsilon: 1e-3,
      chosen: 3,
      renormalise: true,
    });
    const kinds = nodes.map(({ op }) => op.kind);
    expect(kinds.filter((kind) => kind === "layer-norm")).toHaveLength(8);
    for (const { op } of nodes) {
      if (op.kind === "gelu") expect(op.form).toBe("tanh");
      if (op.kind === "layer-norm") expect(op.epsilon).toBe(1e-3);
      if (op.kind === "top-k") expect(op).toMatchObject({ k: 3, renormalise: true });
    }
  });
});

describe("Philox4x32-10", () => {
  // The known answers of the authors' library Random123, file kat_vectors.
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)("of the counter %j and the key %j", (counter, key, expected) => {
    expect(philox(counter, key)).toEqual(expected);
  });
});

describe("initial weights", () => {
  const program = programOf(MOE_SIZES.nano);
  const weights = initialWeights(42n, program);
  const values = (name: string): Float32Array => weights.get(name) ?? new Float32Array(0);

  it("are uniform within ±1/√fan_in for linear layers, 1 and 0 for LayerNorm", () => {
    const w = values("experts.1.3.weight");
    const limit = 1 / Math.sqrt(128);
    expect(w).toHaveLength(128 * 128);
    expect(w.every((value) => Math.abs(value) <= limit)).toBe(true);
    // Of 16,384 uniform values: mean 0 within 5 standard errors (limit/√3/128), variance limit²/3 within 5 %, both ends reached.
    const mean = w.reduce((sum, value) => sum + value, 0) / w.length;
    const variance = w.reduce((sum, value) => sum + value * value, 0) / w.length;
    expect(Math.abs(mean)).toBeLessThan((5 * limit) / Math.sqrt(3) / 128);
    expect(Math.abs(variance / ((limit * limit) / 3) - 1)).toBeLessThan(0.05);
    expect(Math.max(...w)).toBeGreaterThan(0.99 * limit);
    expect(Math.min(...w)).toBeLessThan(-0.99 * limit);
    expect(Math.max(...values("router.bias").map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(96));
    expect(new Set(values("experts.1.4.weight"))).toEqual(new Set([1]));
    expect(new Set(values("experts.1.4.bias"))).toEqual(new Set([0]));
  });

  it("do not start two experts alike, nor two seeds", () => {
    const firsts = program.weights
      .filter(({ initial }) => initial.kind === "uniform")
      .map((weight) =>
        initialTensor(42n, { ...weight, initial: { kind: "uniform", bound: 1 } })
          .slice(0, 4)
          .join(),
      );
    expect(new Set(firsts).size).toBe(firsts.length);
    const seeds = [0n, 1n, 42n, 2n ** 32n, 2n ** 32n + 1n, 2n ** 64n - 1n];
    const range = (seed: bigint) => initialRange(seed, "router.weight", { kind: "uniform", bound: 1 }, 0, 4).join();
    expect(new Set(seeds.map(range)).size).toBe(seeds.length);
  });

  it("are made alone, in part or whole, to the same bits", () => {
    const initial = { kind: "uniform", bound: 0.25 } as const;
    const whole = initialRange(7n, "w", initial, 0, 1000);
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), (a, b) => {
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        expect(initialRange(7n, "w", initial, start, end)).toEqual(whole.slice(start, end));
      }),
      { seed: 1 },
    );
    expect(initialRange(7n, "w", initial, 2 ** 34 - 1, 2 ** 34)).toHaveLength(1);
  });

  it("are the same on every machine", () => {
    expect([...values("router.weight").slice(0, 4)]).toMatchInlineSnapshot(`
      [
        -0.06332436203956604,
        0.04906999319791794,
        0.0730321928858757,
        -0.03636375069618225,
      ]
    `);
  });

  it("refuse a seed that is no u64", () => {
    const initial = { kind: "uniform", bound: 1 } as const;
    expect(() => initialRange(-1n, "w", initial, 0, 1)).toThrow(InternalError);
    expect(() => initialRange(2n ** 64n, "w", initial, 0, 1)).toThrow(InternalError);
  });
});
