/** `--size` and `--config`: the configuration that a model is built with. */

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { MOE_SIZE_NAMES, MOE_SIZES, type MoeConfig, type MoeSizeName, parseMoeConfig } from "../moe/sizes.ts";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";

export interface ModelOptions {
  readonly size: string;
  readonly config?: string;
}

export function addModelOptions(command: Command): Command {
  return command
    .option("--size <name>", `size of the model: ${MOE_SIZE_NAMES.join(", ")}`, "nano")
    .option("--config <file>", "a JSON file with the model's configuration, instead of a size");
}

/** TK510: no such size; TK511: the file cannot be read; TK512: it is not JSON. */
export function readModelConfig({ size, config }: ModelOptions): Result<MoeConfig> {
  if (config === undefined) {
    const name = MOE_SIZE_NAMES.find((known): known is MoeSizeName => known === size);
    if (name !== undefined) return ok(MOE_SIZES[name]);
    return refuse(error("TK510", undefined, `there is no size ${size}`, `choose ${MOE_SIZE_NAMES.join(", ")}`));
  }
  let text: string;
  try {
    text = readFileSync(config, "utf8");
  } catch (cause) {
    return refuse(error("TK511", undefined, `${config} cannot be read: ${messageOf(cause)}`, "name a readable file"));
  }
  try {
    return parseMoeConfig(JSON.parse(text));
  } catch (cause) {
    return refuse(error("TK512", undefined, `${config} is not JSON: ${messageOf(cause)}`, "correct the file"));
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
