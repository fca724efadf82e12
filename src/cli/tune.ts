/** `tokitai tune`: proves, builds and ranks all instances of kernels with `params`, and keeps the choice in a file. */

import { existsSync, readFileSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Sizes } from "../compiler/operations.ts";
import type { Tuning } from "../compiler/tune.ts";
import type { TuningEntry } from "../compiler/tuning-file.ts";
import { error } from "../support/diagnostic.ts";
import { systemErrorCode, writeDurably } from "../support/durable.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { anyNames, type Format, formatOption, usageError } from "./options.ts";
import { print, printDiagnostics, progress as say } from "./output.ts";
import { startProgress } from "./progress.ts";

interface TuneOptions {
  readonly arch?: readonly string[];
  readonly shape?: readonly Sizes[];
  readonly output?: string;
  readonly device?: "gpu";
  readonly format: Format;
}

const DEFAULT_ARCHITECTURE = "gfx1101";

export function addTune(program: Command, finish: Finish): void {
  program
    .command("tune")
    .description("prove, build and rank the instances of kernels with params, and choose one per architecture")
    .argument("<inputs...>", "kernel files, or folders of kernels")
    .option("--arch <arch>", `GPU architecture; may be repeated (default: ${DEFAULT_ARCHITECTURE})`, anyNames)
    .option("--shape <sizes>", "sizes of all dimensions, as B=1024,K=2048,N=2048; may be repeated", shapeOf)
    .option("-o, --output <file>", "keep the choice in this file, beside what it says of other kernels")
    .addOption(new Option("--device <device>", "measure on this machine's GPU, and rank by that").choices(["gpu"]))
    .addOption(formatOption())
    .addHelpText(
      "after",
      `
Examples:
  tokitai tune kernels/gemm.ts --shape B=1024,K=2048,N=2048 -o kernels/tuning.json
  tokitai tune kernels/gemm.ts --arch gfx1101,gfx90a --shape B=256,K=96,N=128 --shape B=1024,K=2048,N=2048
  tokitai compile kernels/gemm.ts --target hip --tuned kernels/tuning.json -o out      emit what was chosen

Exit code: 0 an instance was chosen for each kernel and architecture, 2 source refused or nothing to choose from, 3 no such
device, 4 a tool failed or is missing, 5 something unknown where nothing was chosen, 10 something refuted there.`,
    )
    .action(async (inputs: string[], options: TuneOptions) => finish(await tuneCommand(inputs, options)));
}

function shapeOf(text: string, before: readonly Sizes[] = []): readonly Sizes[] {
  const sizes = text.split(",").map((part): readonly [string, number] => {
    const [, name, value] = /^\s*([A-Za-z]\w*)=(\d{1,12})\s*$/.exec(part) ?? [];
    if (name === undefined) throw new InvalidArgumentError("Write a size as B=1024.");
    return [name, Number(value)];
  });
  return [...before, Object.fromEntries(sizes)];
}

async function tuneCommand(inputs: readonly string[], options: TuneOptions): Promise<ExitCode> {
  if (options.shape === undefined) {
    return printDiagnostics([usageError("there is no shape to tune for", "give one: --shape B=1024,K=2048,N=2048")]);
  }
  const { mergeTuning, parseTuning, renderTuning } = await import("../compiler/tuning-file.ts");
  const path = options.output;
  const before = path === undefined || !existsSync(path) ? undefined : parseTuning(readFileSync(path, "utf8"), path);
  if (before !== undefined && !before.ok) return printDiagnostics(before.diagnostics);
  const found = await tuneInputs(inputs, options, options.shape);
  if (typeof found === "number") return found;
  const { tuning, code } = found;
  if (options.format === "json") print(JSON.stringify(tuning, undefined, 2));
  else for (const entry of tuning.entries) print(await tableOf(entry));
  for (const { kernel, architecture, leftOut } of options.format === "json" ? [] : tuning.without) {
    print(`${kernel} on ${architecture}: nothing to choose from`);
    for (const { kernel: name, reason } of leftOut) print(`  ${name}: ${reason}`);
  }
  if (path !== undefined && tuning.entries.length > 0) {
    try {
      writeDurably(path, renderTuning(mergeTuning(before?.value ?? [], tuning.entries)));
    } catch (cause) {
      const message = `${path} cannot be written: ${systemErrorCode(cause)}`;
      return printDiagnostics([error("TK407", undefined, message, "name a file in a folder that can be written")]);
    }
    process.stderr.write(`wrote ${path}\n`);
  }
  return code;
}

async function tuneInputs(
  inputs: readonly string[],
  { arch = [DEFAULT_ARCHITECTURE], device }: TuneOptions,
  shapes: readonly Sizes[],
): Promise<ExitCode | { readonly tuning: Tuning; readonly code: ExitCode }> {
  const [{ SolverPool }, { openProofCache }, { cacheDirectory, proofDirectory }, { findToolchain }] = await Promise.all(
    [
      import("../verify/pool.ts"),
      import("../verify/proof-cache.ts"),
      import("../compiler/build/cache-folder.ts"),
      import("../compiler/build/toolchain.ts"),
    ],
  );
  const [{ prove, readSources }, { tune }] = await Promise.all([
    import("../compiler/prove.ts"),
    import("../compiler/tune.ts"),
  ]);
  const measuring = device === undefined ? undefined : await (await import("./tune-measure.ts")).openMeasuring();
  if (measuring !== undefined && !measuring.ok) return printDiagnostics(measuring.diagnostics);
  const pool = new SolverPool();
  const progress = startProgress({ doing: "proving", things: "obligations", stream: process.stderr });
  try {
    const sources = await readSources({ inputs, cwd: process.cwd(), config: undefined });
    if (sources.diagnostics.length > 0) return printDiagnostics(sources.diagnostics, sources.lookup);
    const { kernels, lookup } = sources;
    const proof = await prove(sources, pool, openProofCache(proofDirectory(process.env)), progress.update);
    progress.stop();
    say("building");
    const toolchain = await findToolchain(process.env);
    const tuned = await tune({
      reports: proof.kernels,
      kernels,
      lookup,
      architectures: arch,
      shapes,
      toolchain,
      cache: cacheDirectory(process.env),
      ...(measuring?.ok === true && { measure: measuring.value({ proof, lookup, toolchain }) }),
    });
    if (!tuned.ok) return printDiagnostics(tuned.diagnostics, lookup);
    const { exitCodeOfAll } = await import("./output.ts");
    const { obligationDiagnostics } = await import("../verify/report.ts");
    const names = new Set(tuned.value.without.flatMap(({ leftOut }) => leftOut.map(({ kernel }) => kernel)));
    const open = proof.kernels.filter(({ kernel }) => names.has(kernel.name));
    const code = exitCodeOfAll(obligationDiagnostics(open.flatMap(({ obligations }) => obligations)));
    const nothing = tuned.value.without.length > 0 ? EXIT.sourceRefused : EXIT.done;
    return { tuning: tuned.value, code: code === EXIT.done ? nothing : code };
  } finally {
    progress.stop();
    pool.close();
  }
}

async function tableOf({ kernel, architecture, shapes, ranked, leftOut, chosen }: TuningEntry): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const names = shapes.map((shape) =>
    Object.entries(shape)
      .map(([name, size]) => `${name}=${size}`)
      .join(","),
  );
  const isMeasured = ranked.some(({ measured }) => measured !== undefined);
  const table = new Table({
    head: [`${kernel} on ${architecture}`, ...names, "bound", "VGPRs", "LDS bytes", "waves/SIMD"],
    style: { head: [], border: [], compact: true },
  });
  const shown = (share: number, seconds: number, measured: number | undefined): string => {
    const predicted = `${(100 * share).toFixed(1)} % ${(1e6 * seconds).toFixed(1)} µs`;
    return measured === undefined ? predicted : `${predicted}, measured ${(1e6 * measured).toFixed(1)} µs`;
  };
  for (const { kernel: name, shares, seconds, measured, bound, vgprs, ldsBytes, occupancy } of ranked) {
    const cells = shares.map((share, i) => shown(share, seconds[i] ?? Number.NaN, measured?.[i]));
    table.push([name, ...cells, bound, vgprs, ldsBytes, occupancy]);
  }
  const rest = leftOut.map(({ kernel: name, reason }) => `left out ${name}: ${reason}`);
  const how = isMeasured ? "by measured time" : "by predicted time: shares of the GPU's peak (docs/targets.md)";
  return [table.toString(), ...rest, `chosen ${chosen}, ${how}`].join("\n");
}
