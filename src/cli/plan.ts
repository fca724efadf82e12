/** `tokitai plan`: what a model costs in memory and FLOPs, before anything of it is proved, built or allocated. */

import { Argument, type Command } from "commander";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { type Format, formatOption, wholeNumber } from "./options.ts";
import { print, printDiagnostics } from "./output.ts";

interface PlanOptions extends ModelOptions {
  readonly batch: number;
  readonly format: Format;
}

export function addPlan(program: Command, finish: Finish): void {
  const command = program
    .command("plan")
    .description("show a model's parameters, memory and FLOPs at a batch, without building it")
    .addArgument(new Argument("<model>", "the built-in model").choices(["moe"]))
    .option("--batch <n>", "rows of a step", wholeNumber(1, Number.MAX_SAFE_INTEGER), 256)
    .addOption(formatOption());
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai plan moe --size full --batch 256
  tokitai plan moe --config my-model.json --format json

Nothing is proved, and none of the weights are allocated.
Exit code: 2 where the configuration is refused or a number exceeds 2^53 - 1, 3 where its file cannot be read.`,
    )
    .action(async (model: string, options: PlanOptions) => finish(await planCommand(model, options)));
}

async function planCommand(model: string, options: PlanOptions): Promise<ExitCode> {
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const [{ readSources }, { planMoe }, { describePlan, planJson }, { openProofCache }, { proofDirectory }] =
    await Promise.all([
      import("../compiler/prove.ts"),
      import("../moe/accounting.ts"),
      import("./plan-report.ts"),
      import("../verify/proof-cache.ts"),
      import("../compiler/build/cache-folder.ts"),
    ]);
  const cache = openProofCache(proofDirectory(process.env));
  const sources = await readSources({ inputs: [model], cwd: process.cwd(), config: config.value, cache });
  if (sources.diagnostics.length > 0) return printDiagnostics(sources.diagnostics, sources.lookup);
  const plan = planMoe(config.value, BigInt(options.batch), sources.programs);
  if (!plan.ok) return printDiagnostics(plan.diagnostics);
  print(options.format === "json" ? planJson(plan.value) : describePlan(plan.value));
  return EXIT.done;
}
