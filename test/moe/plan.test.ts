/** `tokitai plan` as its users meet it: the numbers of every named size, a configuration of one's own, refusals. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { accountFor, MOE_SIZE_NAMES, MOE_SIZES } from "../../src/moe/sizes.ts";
import { type Ended, ROOT, runTokitai } from "../cli/command.ts";

const folder = mkdtempSync(join(tmpdir(), "tokitai-plan-"));
afterAll(() => rmSync(folder, { recursive: true }));
const tokitai = (...args: readonly string[]): Ended => runTokitai(folder, ["plan", ...args]);

const count = z.int().min(0);
const flops = z.strictObject({ forward: count, forwardBackward: count });
const planSchema = z.strictObject({
  model: z.literal("moe"),
  config: z.looseObject({ hidden: count, depth: count }),
  batch: count,
  parameters: count,
  tensors: count,
  totalBytes: count,
  weights: z.array(z.strictObject({ name: z.string(), shape: z.array(count), count })),
  activationBytes: count,
  schemes: z.array(
    z.strictObject({
      name: z.string(),
      weights: count,
      masters: count,
      moments: count,
      gradients: count,
      activations: count,
      total: count,
    }),
  ),
  programs: z.array(
    z.strictObject({
      name: z.string(),
      dims: z.record(z.string(), count),
      launches: count,
      arenaBytes: count,
      classes: z.array(
        z.strictObject({
          offset: count,
          bytes: count,
          buffers: z.array(z.strictObject({ name: z.string(), bytes: count })),
        }),
      ),
    }),
  ),
  flops: z.strictObject({
    formulas: z.strictObject({ forward: z.string(), forwardBackward: z.string() }),
    dense: flops,
    sparse: flops,
  }),
});
type Plan = z.output<typeof planSchema>;

function planOf(...args: readonly string[]): Plan {
  const { code, stdout, stderr } = tokitai("moe", "--format", "json", ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return planSchema.parse(JSON.parse(stdout));
}

function configFile(name: string, config: unknown): string {
  writeFileSync(join(folder, name), typeof config === "string" ? config : JSON.stringify(config));
  return name;
}

const sum = (values: readonly number[]): number => values.reduce((left, right) => left + right, 0);

describe("the named sizes", () => {
  it.each([
    ["nano", 195_540, 58, 1_955_400],
    ["tiny", 84_984_276, 106, 849_842_760],
    ["medium", 337_740_244, 106, 3_377_402_440],
    ["full", 807_846_356, 218, 8_078_463_560],
  ] as const)("%s has %i parameters in %i tensors: %i bytes", (size, parameters, tensors, totalBytes) => {
    const plan = planOf("--size", size, "--batch", "256");
    expect(plan).toMatchObject({ batch: 256, parameters, tensors, totalBytes });
    expect(plan.weights).toHaveLength(tensors);
    expect(sum(plan.weights.map(({ count: elements }) => elements))).toBe(parameters);
    for (const { shape, count: elements } of plan.weights) expect(shape.reduce((a, b) => a * b, 1)).toBe(elements);
    expect(
      plan.schemes.map(({ weights, masters, moments, gradients }) =>
        [weights, masters, moments, gradients].map((bytes) => bytes / parameters),
      ),
    ).toEqual([
      [4, 0, 8, 4],
      [2, 0, 8, 4],
      [2, 4, 8, 4],
    ]);
    const named = plan.schemes[1];
    expect((named?.weights ?? 0) + (named?.moments ?? 0)).toBe(totalBytes);
    for (const { weights, masters, moments, gradients, activations, total } of plan.schemes) {
      expect(activations).toBe(plan.activationBytes);
      expect(total).toBe(weights + masters + moments + gradients + activations);
    }
    const arena = plan.programs.find(({ name }) => name === "moe_forward");
    expect(arena?.arenaBytes).toBe(sum((arena?.classes ?? []).map(({ bytes }) => bytes)));
    expect(arena?.arenaBytes).toBeGreaterThan(0);
  });
});

describe("a configuration of one's own", () => {
  // Every number by hand: h = 5, d = 1, E = 3, K = 2, inputs 7, outputs 2 + 1, B = 10.
  const config = { hidden: 5, depth: 1, inputs: 7, experts: 3, chosen: 2, outcomes: 2, actions: 1 };

  it("is accounted for by the formulas, also with the schema's address in the file", () => {
    const file = configFile("small.json", { $schema: "./moe-config.schema.json", ...config });
    const plan = planOf("--config", file, "--batch", "10");
    // Router 7·3 + 3; expert 7·5 + 5, LayerNorm 10, 5·5 + 5, LayerNorm 10, 5·3 + 3.
    expect(plan.parameters).toBe(24 + 3 * (40 + 10 + 30 + 10 + 18));
    // Logits, probabilities and weights 3 each; per expert six results of 5 and one of 3; y 3: of 10 rows in f32.
    expect(plan.activationBytes).toBe(4 * 10 * (3 * 3 + 3 * (6 * 5 + 3) + 3));
    const [router, expert] = [7 * 3, 7 * 5 + 5 * 5 + 5 * 3];
    expect(plan.flops.dense.forward).toBe(2 * 10 * (router + 3 * expert));
    expect(plan.flops.sparse.forward).toBe(2 * 10 * (router + 2 * expert));
    expect(plan.flops.dense.forwardBackward).toBe(3 * plan.flops.dense.forward);
    expect(plan.flops.sparse.forwardBackward).toBe(3 * plan.flops.sparse.forward);
    expect(plan.config).not.toHaveProperty("$schema");
  });

  it("is printed as text with the same numbers", () => {
    const { code, stdout } = tokitai("moe", "--config", configFile("small.json", config), "--batch", "10");
    expect(code).toBe(0);
    expect(stdout).toContain("experts.2.6.weight");
    expect(stdout).toContain("348 parameters in 32 tensors\n3,480 bytes of fp16 weights and fp32 AdamW moments");
    expect(stdout).toContain("forward = 2·B·(inputs·E + A·(inputs·h + d·h² + h·(outcomes + actions)))");
  });
});

describe("what is refused", () => {
  it.each([
    ["an unknown size", ["moe", "--size", "huge"], 1, /TK001.*'huge'[\s\S]*nano, tiny, medium, full/],
    ["an unknown model", ["mlp"], 1, /TK001.*'mlp'[\s\S]*moe/],
    ["no model", [], 1, /TK001.*model/],
    ["a batch of 0", ["moe", "--batch", "0"], 1, /TK001.*--batch.*'0'[\s\S]*whole number from 1/],
    ["a batch that is no number", ["moe", "--batch", "many"], 1, /TK001.*--batch.*'many'/],
    ["a batch whose bytes are no exact number", ["moe", "--batch", "999999999999999"], 2, /TK271.*2\^53[\s\S]*smaller/],
    ["a configuration that is not there", ["moe", "--config", "none.json"], 3, /TK511.*none\.json/],
  ] as const)("%s", (_, args, code, message) => {
    const ended = tokitai(...args);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toMatch(message);
  });

  it.each([
    ["more chosen experts than there are", { hidden: 8, depth: 0, experts: 2, chosen: 3 }, 2, /TK270.*chosen.*experts/],
    ["a width of 0", { hidden: 0, depth: 0 }, 2, /TK270.*hidden/],
    ["text that is not JSON", "{", 3, /TK512/],
  ] as const)("%s", (_, config, code, message) => {
    const ended = tokitai("moe", "--config", configFile("refused.json", config));
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe("");
    expect(ended.stderr).toMatch(message);
  });
});

describe("docs/moe.md", () => {
  const text = readFileSync(join(ROOT, "docs/moe.md"), "utf8");

  it("shows what the command prints", () => {
    const shown = (/^```\n(┌[\s\S]*?)\n```$/m.exec(text)?.[1] ?? "").split("\n…\n");
    const { stdout } = tokitai("moe", "--size", "full", "--batch", "256");
    expect(shown).toHaveLength(5);
    const [first, ...rest] = shown;
    expect(stdout.startsWith(`${first}\n`)).toBe(true);
    for (const part of rest.slice(0, -1)) expect(stdout).toContain(`\n${part}\n`);
    expect(stdout.endsWith(`\n${rest.at(-1)}\n`)).toBe(true);
  });

  it("has a configuration that is accepted", () => {
    const example = /^```json\n([\s\S]*?)\n```$/m.exec(text)?.[1] ?? "";
    expect(planOf("--config", configFile("example.json", example)).config).toMatchObject({ hidden: 256, experts: 8 });
  });

  it("has the table of sizes", () => {
    const rows = [...text.matchAll(/^\| (\w+) \| \d+ \| \d+ \| ([\d,]+) \| (\d+) \| ([\d,]+) \|$/gm)];
    const plain = (cell: string | undefined): number => Number(cell?.replaceAll(",", ""));
    expect(rows.map(([, size]) => size)).toEqual([...MOE_SIZE_NAMES]);
    for (const [, name, parameters, tensors, totalBytes] of rows) {
      const size = MOE_SIZE_NAMES.find((known) => known === name) ?? "nano";
      expect(accountFor(MOE_SIZES[size])).toMatchObject({
        parameters: plain(parameters),
        tensors: plain(tensors),
        totalBytes: plain(totalBytes),
      });
    }
  });
});

it("is listed by --help", () => {
  expect(tokitai("--help").stdout).toContain("--batch <n>");
  expect(runTokitai(folder, ["--help"]).stdout).toContain("tokitai plan moe --size full");
});
