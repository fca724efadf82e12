/** `tokitai bench`: times the programs of a built model on this machine's CPU, and says which kernels take the time. */

import type { Command } from "commander";
import type { Measured } from "../moe/measure.ts";
import type { SyntheticModel } from "../moe/synthetic.ts";
import type { CpuLibrary } from "../runtime/cpu/library.ts";
import { error } from "../support/diagnostic.ts";
import { systemErrorCode, writeDurably } from "../support/durable.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { openCpuOf } from "./device-options.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { anyNames, type Format, formatOption, seedOption, wholeNumber } from "./options.ts";
import { print, printDiagnostics, progress } from "./output.ts";

interface BenchOptions extends ModelOptions {
  readonly program?: readonly string[];
  readonly rows: number;
  readonly runs: number;
  readonly seed: bigint;
  readonly trace?: string;
  readonly format: Format;
}

export function addBench(program: Command, finish: Finish): void {
  const command = program
    .command("bench")
    .description("time the programs of a built MoE model on this machine's CPU, kernel by kernel")
    .argument("<folder>", "a folder that tokitai compile moe wrote, or moe: built for this run alone")
    .option("--program <name>", "a program of the library; may be repeated (default: all of them)", anyNames)
    .option("--rows <n>", "rows of a call", wholeNumber(1, 1_048_576), 256)
    .option("--runs <n>", "calls that are timed of each program", wholeNumber(1, 100_000), 11)
    .addOption(seedOption("seed of the initial weights"))
    .option("--trace <file>", "write one call of each program as a trace for ui.perfetto.dev")
    .addOption(formatOption());
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai compile moe --size nano -o out/nano
  tokitai bench out/nano
  tokitai bench out/nano --program moe_step --rows 64 --runs 101
  tokitai bench out/nano --trace nano.json     then open nano.json at https://ui.perfetto.dev

Inputs are made up. The model's size must be the one that the folder was built with.
Exit code: 3 where the folder, a program or the trace's file is refused.`,
    )
    .action(async (folder: string, options: BenchOptions) => finish(await benchCommand(folder, options)));
}

async function benchCommand(folder: string, options: BenchOptions): Promise<ExitCode> {
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const library = await openCpuOf(folder, config.value);
  if (typeof library === "number") return library;
  if (!library.ok) return printDiagnostics(library.diagnostics);
  const names = programsOf(library.value, options.program);
  if (!names.ok) return printDiagnostics(names.diagnostics);
  const { readInitialWeights } = await import("../moe/forward.ts");
  const weights = await readInitialWeights(config.value, options.seed);
  if (!weights.ok) return printDiagnostics(weights.diagnostics);
  const { LaunchError } = await import("../runtime/cpu/arguments.ts");
  try {
    const model = { config: config.value, weights: weights.value };
    const measured = await measureAll(library.value, names.value, model, options);
    if (!measured.ok) return printDiagnostics(measured.diagnostics);
    const name = library.value.abi.library;
    const { benchJson, describeBench } = await import("./bench-report.ts");
    print((options.format === "json" ? benchJson : describeBench)(name, "the CPU", measured.value));
    return options.trace === undefined ? EXIT.done : await writeTrace(options.trace, name, measured.value);
  } catch (cause) {
    if (!(cause instanceof LaunchError)) throw cause;
    process.stderr.write(`error TK560: the library refused the call (${cause.status}): ${cause.message}\n`);
    return EXIT.runRefused;
  }
}

/** TK554: the library has no program, or none of a name. */
function programsOf({ abi }: CpuLibrary, asked: readonly string[] | undefined): Result<readonly string[]> {
  const names = abi.programs.map(({ name }) => name);
  if (names.length === 0) {
    const fix = "build one of a model: tokitai compile moe -o out";
    return refuse(error("TK554", undefined, `the library ${abi.library} has kernels alone, and no program`, fix));
  }
  const unknown = (asked ?? []).filter((name) => !names.includes(name));
  if (unknown.length === 0) return ok(asked ?? names);
  const message = `the library ${abi.library} has no program ${unknown.join(", ")}`;
  return refuse(error("TK554", undefined, message, `it has ${names.join(", ")}`));
}

/** All programs, or the refusals of those that cannot be called; then none is. */
async function measureAll(
  library: CpuLibrary,
  names: readonly string[],
  model: SyntheticModel,
  { rows, runs }: BenchOptions,
): Promise<Result<readonly Measured[]>> {
  const [{ syntheticArguments }, { measureProgram }] = await Promise.all([
    import("../moe/synthetic.ts"),
    import("../moe/measure.ts"),
  ]);
  const prepared = library.abi.programs
    .filter(({ name }) => names.includes(name))
    .map((program) => ({ program: program.name, made: syntheticArguments(program, model, rows) }));
  const refused = prepared.flatMap(({ made }) => (made.ok ? [] : made.diagnostics));
  if (refused.length > 0) return refuse(...refused);
  return ok(
    prepared.flatMap(({ program, made }) => {
      if (!made.ok) return [];
      progress(`timing ${program}`);
      return [measureProgram(library, program, made.value, { config: model.config, rows, runs })];
    }),
  );
}

/** TK588: the file cannot be written. */
async function writeTrace(file: string, name: string, programs: readonly Measured[]): Promise<ExitCode> {
  const { chromeTrace } = await import("../moe/chrome-trace.ts");
  try {
    writeDurably(file, chromeTrace(name, programs));
  } catch (cause) {
    const message = `${file} cannot be written: ${systemErrorCode(cause)}`;
    return printDiagnostics([error("TK588", undefined, message, "give another file with --trace")]);
  }
  process.stderr.write(`wrote ${file}: open it at https://ui.perfetto.dev\n`);
  return EXIT.done;
}
