/** The published JSON Schema of the model's configuration is the one that the model is checked with. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { moeConfigJsonSchema, parseMoeConfig } from "../../src/moe/config.ts";
import { MOE_SIZES } from "../../src/moe/sizes.ts";

const FILE = join(import.meta.dirname, "../../schemas/moe-config.schema.json");
const text = `${JSON.stringify(moeConfigJsonSchema(), undefined, 2)}\n`;

// `npm run golden` rewrites it.
if (process.env["TOKITAI_UPDATE_GOLDEN"] === "1") {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, text);
}

describe("schemas/moe-config.schema.json", () => {
  const published = readFileSync(FILE, "utf8");
  const validate = new Ajv2020({ strict: true }).compile(JSON.parse(published));

  it("is what the configuration's definition gives", () => {
    expect(published).toBe(text);
  });

  it("says of every field what it is", () => {
    const schema: { readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>> } =
      JSON.parse(published);
    expect(Object.keys(schema.properties).sort()).toEqual(["$schema", ...Object.keys(MOE_SIZES.nano)].sort());
    for (const field of Object.values(schema.properties)) {
      expect(field).toMatchObject({ title: expect.stringMatching(/./), description: expect.stringMatching(/\.$/) });
    }
  });

  const base = { hidden: 128, depth: 2 };
  it.each([
    [base, true],
    ...Object.values(MOE_SIZES).map((config) => [config, true] as const),
    [{ ...base, $schema: "./schemas/moe-config.schema.json" }, true],
    [{ ...base, $schema: 1 }, false],
    [{ ...base, depth: 0 }, true],
    [{ ...base, depth: 1024 }, true],
    [{ ...base, depth: 1025 }, false],
    [{ ...base, hidden: 1_048_576 }, true],
    [{ ...base, hidden: 1_048_577 }, false],
    [{ ...base, hidden: 128.5 }, false],
    [{ ...base, hidden: "128" }, false],
    [{ ...base, hidden: null }, false],
    [{ ...base, inputs: 0 }, false],
    [{ ...base, experts: 64, chosen: 8 }, true],
    [{ ...base, experts: 65 }, false],
    [{ ...base, experts: 64, chosen: 9 }, false],
    [{ ...base, chosen: 0 }, false],
    [{ ...base, gelu: "tanh" }, true],
    [{ ...base, gelu: "relu" }, false],
    [{ ...base, epsilon: 0 }, false],
    [{ ...base, epsilon: 2 ** -126 }, true],
    [{ ...base, epsilon: 1.5 }, false],
    [{ ...base, renormalise: true }, true],
    [{ ...base, renormalise: 1 }, false],
    [{ ...base, outcomes: -1 }, false],
    [{ ...base, actions: 0 }, false],
    [{ ...base, width: 4 }, false],
    [{ hidden: 128 }, false],
    [{ depth: 2 }, false],
    [[], false],
    [null, false],
    ["nano", false],
  ] as const)("%j is accepted by both or by neither: %s", (config, accepted) => {
    expect(validate(config)).toBe(accepted);
    expect(parseMoeConfig(config).ok).toBe(accepted);
  });

  it("cannot say that at most as many experts are chosen as there are, and says that it cannot", () => {
    const config = { ...base, experts: 3, chosen: 4 };
    expect(validate(config)).toBe(true);
    expect(parseMoeConfig(config).ok).toBe(false);
    expect(published).toContain("K is at most E, which JSON Schema cannot say");
  });
});
