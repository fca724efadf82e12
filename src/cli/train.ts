/** `tokitai train`: trains the MoE model on data, from a seed, and goes on where a run was stopped. */

import { basename, extname, join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Plan } from "../ir/plan.ts";
import type { MoeConfig } from "../moe/sizes.ts";
import { SCHEDULES, type Schedule } from "../moe/train/schedule.ts";
import { error } from "../support/diagnostic.ts";
import { InternalError, ok } from "../support/result.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { type Format, formatOption, seedOption, wholeNumber } from "./options.ts";
import { print, printDiagnostics } from "./output.ts";
import { addDataOptions, type DataOptions, readTrainingData } from "./training-data.ts";

interface TrainCommandOptions extends ModelOptions, DataOptions {
  readonly output?: string;
  readonly library?: string;
  readonly epochs: number;
  readonly batch: number;
  readonly rate: number;
  readonly schedule: Schedule;
  readonly warmup: number;
  readonly patience: number;
  readonly seed: bigint;
  readonly checkpointEvery: number;
  readonly keep: number;
  readonly resume: boolean;
  readonly format: Format;
}

const MANY = Number.MAX_SAFE_INTEGER;

export function addTrain(program: Command, finish: Finish): void {
  const command = program.command("train").description("train the MoE model on data");
  addDataOptions(command)
    .option("--epochs <n>", "times that every training row is taken", wholeNumber(1, 1_000_000), 20)
    .option("--batch <n>", "rows of a step", wholeNumber(1, 1_048_576), 64)
    .option("--rate <x>", "learning rate after the warm-up", positiveNumber, 0.001)
    .addOption(new Option("--schedule <name>", "the rate after the warm-up").choices(SCHEDULES).default("cosine"))
    .option("--warmup <n>", "steps in which the rate rises to its value", wholeNumber(0, MANY), 100)
    .option(
      "--patience <n>",
      "stop after so many epochs without a lower validation loss; 0: never",
      wholeNumber(0, MANY),
      0,
    )
    .addOption(seedOption("seed of the initial weights and of the order of rows"))
    .option("-o, --output <folder>", "the folder of the run (default: runs/<data>-<size>-seed<seed>)")
    .option("--resume", "go on from the last checkpoint of the folder", false)
    .option(
      "--checkpoint-every <n>",
      "steps between checkpoints, beside the one after each epoch",
      wholeNumber(1, MANY),
      100,
    )
    .option("--keep <n>", "checkpoints that are kept", wholeNumber(1, 1_000), 3)
    .option("--library <folder>", "a folder that tokitai compile moe wrote for this model, instead of building it")
    .addOption(formatOption());
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai train --data birdstrikes --size nano --epochs 20 --seed 7
  tokitai train --data rows.csv --schema rows.schema.json --config model.json -o runs/mine
  tokitai train --data x.npy --labels classes.npy --config model.json -o runs/mine --resume

The folder of the run holds metrics.jsonl (a line per step and epoch), checkpoints/, model.safetensors (the weights of the
epoch with the lowest validation loss), encoding.json (how a CSV file's rows were encoded) and library/. A run that was
stopped, by whatever, goes on with the same command and --resume, and ends with the same weights bit by bit.
Exit code: 0 trained, 1 usage, 3 the data, the folder or a step is refused; 4, 5, 10 as for tokitai compile.`,
    )
    .action(async (options: TrainCommandOptions) => finish(await trainCommand(options)));
}

function positiveNumber(text: string): number {
  const value = /^\d*\.?\d+(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  // The step takes the rate as f32, in which a number must neither be 0 nor leave the range.
  if (Math.fround(value) > 0 && Number.isFinite(Math.fround(value))) return value;
  throw new InvalidArgumentError("Give a number above 0, within the range of f32.");
}

async function trainCommand(options: TrainCommandOptions): Promise<ExitCode> {
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const data = await readTrainingData(options, config.value);
  if (!data.ok) return printDiagnostics(data.diagnostics, () => undefined);
  printDiagnostics(data.value.warnings, () => undefined);
  const folder = options.output ?? join("runs", `${nameOf(options)}-seed${options.seed}`);
  const built = options.library === undefined ? join(folder, "library") : options.library;
  const { train } = await import("../moe/train/loop.ts");
  const { refuseOldRun } = await import("../moe/train/run-folder.ts");
  const old = options.resume ? undefined : refuseOldRun(folder);
  if (old !== undefined) return printDiagnostics([old]);
  if (options.library === undefined) {
    const { buildModel } = await import("./build-model.ts");
    const code = await buildModel(built, config.value);
    if (code !== EXIT.done) return code;
  }
  const { openCpuLibrary, LaunchError } = await import("../runtime/cpu/library.ts");
  const library = openCpuLibrary(built);
  if (!library.ok) return printDiagnostics(library.diagnostics);
  const step = await readStep(config.value);
  if (!step.ok) return printDiagnostics(step.diagnostics);
  const { findMismatch } = await import("../moe/forward.ts");
  const { program, sparse } = step.value;
  const mismatch = findMismatch(library.value, program) ?? findMismatch(library.value, sparse);
  if (mismatch !== undefined) {
    return printDiagnostics([
      error("TK562", undefined, mismatch, "give the --size or --config that it was built with"),
    ]);
  }
  const { startTrainingReport, describeTrained, summarise } = await import("./train-report.ts");
  const report = startTrainingReport(process.stderr, data.value.data);
  try {
    const trained = await train({
      folder,
      library: library.value,
      config: config.value,
      data: data.value.data,
      options,
      step: step.value,
      resume: options.resume,
      onStep: report.step,
      onEpoch: report.epoch,
      onWarnings: (warnings) => void printDiagnostics(warnings, () => undefined),
    });
    report.stop();
    if (!trained.ok) return printDiagnostics(trained.diagnostics, () => undefined);
    const summary = summarise(trained.value, data.value.data, folder);
    print(options.format === "json" ? JSON.stringify(summary, undefined, 2) : describeTrained(summary));
    return EXIT.done;
  } catch (cause) {
    report.stop();
    if (!(cause instanceof LaunchError)) throw cause;
    process.stderr.write(`error TK560: the library refused the call (${cause.status}): ${cause.message}\n`);
    return EXIT.runRefused;
  }
}

function nameOf({ data, size, config }: TrainCommandOptions): string {
  const stem = (path: string): string => basename(path, extname(path));
  return `${stem(data)}-${config === undefined ? size : stem(config)}`;
}

/** The programs of a step, and the plan of the sparse one, for which the kernels have to be read as well. */
async function readStep(config: MoeConfig) {
  const [{ readPrograms }, { packageRoot }] = await Promise.all([
    import("../compiler/frontend/model.ts"),
    import("../compiler/inputs.ts"),
  ]);
  const programs = await readPrograms(join(packageRoot(), "models/moe.ts"), config, process.cwd());
  if (!programs.ok) return programs;
  const [program, sparse] = [STEP, SPARSE_STEP].map((wanted) => programs.value.find(({ name }) => name === wanted));
  if (program === undefined || sparse === undefined) throw new InternalError("the model lacks a step");
  const plan = async (): Promise<Plan> => {
    const { readSources } = await import("../compiler/prove.ts");
    const { programs: lowered } = await readSources({ inputs: ["moe"], cwd: process.cwd(), config });
    const found = lowered.find((one) => one.program.name === SPARSE_STEP);
    if (found === undefined) throw new InternalError(`the program ${SPARSE_STEP} has no plan`);
    return found.plan;
  };
  return ok({ program, sparse, plan });
}

const STEP = "moe_step";
const SPARSE_STEP = "moe_sparse_step";
