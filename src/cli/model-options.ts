/** `--size` and `--config`: the configuration that a model is built with. */

import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { MOE_SIZE_NAMES, MOE_SIZES, type MoeConfig, type MoeSizeName } from "../moe/sizes.ts";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";

export interface ModelOptions {
  readonly size: MoeSizeName;
  readonly config?: string;
}

export function addModelOptions(command: Command): Command {
  return command
    .addOption(new Option("--size <name>", "size of the model").choices(MOE_SIZE_NAMES).default("nano"))
    .option("--config <file>", "a JSON file with the model's configuration, instead of a size");
}

/** TK511: the file cannot be read; TK512: it is not JSON. */
export async function readModelConfig({ size, config }: ModelOptions): Promise<Result<MoeConfig>> {
  if (config === undefined) return ok(MOE_SIZES[size]);
  let text: string;
  try {
    text = readFileSync(config, "utf8");
  } catch (cause) {
    return refuse(error("TK511", undefined, `${config} cannot be read: ${messageOf(cause)}`, "name a readable file"));
  }
  const { parseMoeConfig } = await import("../moe/config.ts");
  try {
    return parseMoeConfig(JSON.parse(text));
  } catch (cause) {
    return refuse(error("TK512", undefined, `${config} is not JSON: ${messageOf(cause)}`, "correct the file"));
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
