/** `tokitai diagnose`: what is wrong with a trained model, and where. */

import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Command, Option } from "commander";
import type { Diagnosis } from "../moe/diagnose/diagnose.ts";
import { error } from "../support/diagnostic.ts";
import { systemErrorCode } from "../support/durable.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { wholeNumber } from "./options.ts";
import { print, printDiagnostics } from "./output.ts";
import { addDataOptions, type DataOptions, readTrainingData } from "./training-data.ts";

interface DiagnoseOptions extends ModelOptions, DataOptions {
  readonly part: "train" | "validation" | "test";
  readonly sample: number;
  readonly library?: string;
  readonly format: "text" | "json" | "html";
  readonly output?: string;
}

export function addDiagnose(program: Command, finish: Finish): void {
  const command = program
    .command("diagnose")
    .description("look for faults of a trained model: its router, its gradients, its agreement with the reference")
    .argument("<folder>", "the folder of a run of tokitai train");
  addDataOptions(command)
    .addOption(
      new Option("--part <name>", "the rows to look at").choices(["train", "validation", "test"]).default("validation"),
    )
    .option("--sample <n>", "rows that also go through the float64 reference", wholeNumber(1, 10_000), 16)
    .option("--library <folder>", "the built model (default: the library of the run)")
    .addOption(
      new Option("--format <format>", "how the result is printed").choices(["text", "json", "html"]).default("text"),
    )
    .option("-o, --output <file>", "write it to a file instead");
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai diagnose runs/birdstrikes-nano-seed7
  tokitai diagnose runs/mine --config model.json --data rows.safetensors --format html -o report.html

The data and the model are those that the run was trained with. Exit code: 0 where no check finds a fault (warnings do
not count), 3 where one does, or where the run, the data or the library is refused.`,
    )
    .action(async (folder: string, options: DiagnoseOptions) => finish(await diagnoseCommand(folder, options)));
}

async function diagnoseCommand(folder: string, options: DiagnoseOptions): Promise<ExitCode> {
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const data = await readTrainingData(options, config.value);
  if (!data.ok) return printDiagnostics(data.diagnostics, () => undefined);
  const [{ openCpuLibrary }, { readRun }, { diagnose }] = await Promise.all([
    import("../runtime/cpu/library.ts"),
    import("../moe/diagnose/read-run.ts"),
    import("../moe/diagnose/diagnose.ts"),
  ]);
  const library = openCpuLibrary(options.library ?? join(folder, "library"));
  if (!library.ok) return printDiagnostics(library.diagnostics);
  const run = await readRun(folder, config.value, data.value.data);
  if (!run.ok) return printDiagnostics(run.diagnostics, () => undefined);
  const { findMismatch } = await import("../moe/forward.ts");
  const mismatch = run.value.programs.map((one) => findMismatch(library.value, one)).find((one) => one !== undefined);
  if (mismatch !== undefined) {
    return printDiagnostics([
      error("TK562", undefined, mismatch, "give the --size or --config that it was built with"),
    ]);
  }
  const diagnosis = diagnose({
    library: library.value,
    config: config.value,
    data: data.value.data,
    rows: data.value.data.rows[options.part],
    sample: options.sample,
    ...run.value,
  });
  const text = await render(basename(folder), diagnosis, options.format);
  if (options.output === undefined) print(text);
  else {
    try {
      writeFileSync(options.output, text);
    } catch (cause) {
      const message = `${options.output} cannot be written: ${systemErrorCode(cause)}`;
      return printDiagnostics([error("TK588", undefined, message, "give another file with -o")]);
    }
  }
  return diagnosis.verdict === "fault" ? EXIT.runRefused : EXIT.done;
}

async function render(title: string, diagnosis: Diagnosis, format: DiagnoseOptions["format"]): Promise<string> {
  if (format === "json") return `${JSON.stringify(diagnosis, undefined, 2)}\n`;
  if (format === "html") return (await import("../moe/diagnose/html.ts")).renderDiagnosisPage(title, diagnosis);
  const { describeDiagnosis } = await import("./diagnose-report.ts");
  return describeDiagnosis(diagnosis);
}
