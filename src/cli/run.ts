/** `tokitai run`: runs a built model on data, beside the float64 reference. */

import { basename } from "node:path";
import { type Command, Option } from "commander";
import { addDeviceOptions, checkDeviceFlags, type DeviceFlags, openLibraryOf } from "./device-options.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { type Format, formatOption, seedOption, wholeNumber } from "./options.ts";
import { print, printDiagnostics } from "./output.ts";

interface RunOptions extends ModelOptions, DeviceFlags {
  readonly data: string;
  readonly schema?: string;
  readonly rows: number;
  readonly seed: bigint;
  readonly sparse?: true;
  readonly packed?: true;
  readonly format: Format;
}

export function addRun(program: Command, finish: Finish): void {
  const command = program
    .command("run")
    .description("run a built MoE model on data, and compare it with the float64 reference")
    .argument("<folder>", "a folder that tokitai compile moe wrote, or moe: built for this run alone")
    .option("--data <name>", "birdstrikes, or a CSV file (then --schema is needed)", "birdstrikes")
    .option("--schema <file>", "the schema of the CSV file")
    .option("--rows <n>", "how many rows", wholeNumber(0, Number.MAX_SAFE_INTEGER), 1000)
    .addOption(seedOption("seed of the initial weights"))
    .option("--sparse", "let each expert work on its own rows alone: the program moe_sparse_forward")
    .addOption(new Option("--packed", "as --sparse, from weights that are packed before").conflicts("sparse"))
    .addOption(formatOption());
  addDeviceOptions(command);
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai compile moe --size nano -o out/nano
  tokitai run out/nano --data birdstrikes --rows 1000
  tokitai run out/nano --data birdstrikes --rows 1000 --sparse   the same numbers, by sparse dispatch
  tokitai run out/nano --data birdstrikes --rows 1000 --packed   the same, from weights that moe_pack has packed
  tokitai run moe --target hip --rows 1000                       on this machine's GPU
  tokitai run moe --target hip --device emulator --rows 32       the GPU's code, executed on the CPU

The model's size must be the one that the folder was built with. Exit code: 3 where the data, the folder or a
condition of the library is refused, where there is no such device, or where a result lies outside the reference's error bound.`,
    )
    .action(async (folder: string, options: RunOptions) => finish(await runCommand(folder, options)));
}

async function runCommand(folder: string, options: RunOptions): Promise<ExitCode> {
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const flags = checkDeviceFlags(options);
  if (!flags.ok) return printDiagnostics(flags.diagnostics);
  const { encodeCsv, readSchema, resolveDataset } = await loadData();
  const files =
    options.schema === undefined
      ? resolveDataset(options.data)
      : ({ ok: true, value: { csvPath: options.data, schemaPath: options.schema } } as const);
  if (!files.ok) return printDiagnostics(files.diagnostics);
  const schema = readSchema(files.value.schemaPath);
  if (!schema.ok) return printDiagnostics(schema.diagnostics);
  const dataset = encodeCsv(files.value.csvPath, schema.value, { limit: options.rows });
  if (!dataset.ok) return printDiagnostics(dataset.diagnostics);
  const library = await openLibraryOf(folder, config.value, options);
  if (typeof library === "number") return library;
  if (!library.ok) return printDiagnostics(library.diagnostics);
  const [{ runForward }, { LaunchError }, { BridgeError }] = await Promise.all([
    import("../moe/forward.ts"),
    import("../runtime/cpu/arguments.ts"),
    import("../runtime/hip/bridge.ts"),
  ]);
  const { runtime } = library.value;
  try {
    const outcome = await runForward(
      library.value,
      config.value,
      dataset.value,
      options.seed,
      options.packed ? "packed" : options.sparse ? "sparse" : "dense",
    );
    if (!outcome.ok) return printDiagnostics(outcome.diagnostics);
    const { describeForward } = await import("./forward-report.ts");
    print(
      options.format === "json"
        ? JSON.stringify({ runtime, ...outcome.value.summary }, undefined, 2)
        : describeForward(basename(files.value.csvPath), runtime, outcome.value),
    );
    // A warning about a whole file is not about the line that it names.
    printDiagnostics(dataset.value.warnings, () => undefined);
    return outcome.value.summary.outsideBound === 0 ? EXIT.done : EXIT.runRefused;
  } catch (cause) {
    if (cause instanceof BridgeError) {
      process.stderr.write(`error TK553: the device was lost: ${cause.message}\n`);
      return EXIT.runRefused;
    }
    if (!(cause instanceof LaunchError)) throw cause;
    process.stderr.write(`error TK560: the library refused the call (${cause.status}): ${cause.message}\n`);
    return EXIT.runRefused;
  } finally {
    library.value.close();
  }
}

async function loadData() {
  const [{ encodeCsv }, { readSchema }, { resolveDataset }] = await Promise.all([
    import("../data/encode-csv.ts"),
    import("../data/schema.ts"),
    import("../data/resolve-dataset.ts"),
  ]);
  return { encodeCsv, readSchema, resolveDataset };
}
