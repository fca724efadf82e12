/** `tokitai compile`: proves kernels and models, and builds the libraries of what is proved. */

import { basename } from "node:path";
import type { Command } from "commander";
import type { Emit, Target } from "../compiler/compile.ts";
import type { Sources } from "../compiler/prove.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { anyNames, namesOf, usageError } from "./options.ts";
import { print, printDiagnostics, progress, readSource } from "./output.ts";

interface CompileOptions extends ModelOptions {
  readonly target?: readonly Target[];
  readonly offloadArch?: readonly string[];
  readonly emit?: readonly string[];
  readonly output?: string;
  readonly tuned?: string;
  readonly table: boolean;
}

const TARGETS = ["cpu", "hip"] as const;
/** And the source of each target. */
const DEFAULT_EMITS: readonly Emit[] = ["so", "header", "types", "ir", "kernel-ir", "manifest"];
const DEFAULT_ARCHITECTURE = "gfx1101";

export function addCompile(program: Command, finish: Finish): void {
  const command = program
    .command("compile")
    .description("prove kernels and models, and build libraries of what is proved")
    .argument("<inputs...>", "kernel files, folders of kernels, model files, or the built-in model moe")
    .option("--target <target>", "cpu or hip; may be repeated (default: cpu)", namesOf(TARGETS))
    .option("--offload-arch <arch>", `GPU architecture; may be repeated (default: ${DEFAULT_ARCHITECTURE})`, anyNames)
    .option("--emit <kinds>", "ir, kernel-ir, hip, cpp, header, types, smt2, so, manifest; comma-separated", anyNames)
    .option("-o, --output <folder>", "where the build goes; without it, what --emit names is printed")
    .option("--tuned <file>", "of kernels with params, emit what tokitai tune has chosen for the architectures")
    .option("--no-table", "do not print the proof table");
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai compile moe --size nano -o out                       a library for this machine's CPU
  tokitai compile moe --size tiny --target hip --offload-arch=gfx1030 --offload-arch=gfx1101 -o out
  tokitai compile my-kernel.ts --emit hip                      print the HIP text of a kernel
  tokitai compile kernels --emit smt2 -o smt                   every obligation as an SMT-LIB file

Nothing is written unless everything is proved.
Exit code: 0 built, 2 source refused, 4 a tool failed or is missing, 5 something unknown, 10 something refuted.`,
    )
    .action(async (inputs: string[], options: CompileOptions) => finish(await compileCommand(inputs, options)));
}

async function compileCommand(inputs: readonly string[], options: CompileOptions): Promise<ExitCode> {
  const { EMITS, compile, describeFiles, writeCompilation } = await import("../compiler/compile.ts");
  const targets: readonly Target[] = options.target ?? ["cpu"];
  const asked = options.emit;
  const wrong = (asked ?? []).filter((name) => !EMITS.some((known) => known === name));
  if (wrong.length > 0) {
    return printDiagnostics([usageError(`--emit does not know ${wrong.join(", ")}`, `it takes ${EMITS.join(", ")}`)]);
  }
  const emits =
    asked === undefined
      ? [...DEFAULT_EMITS, ...targets.map((target): Emit => (target === "cpu" ? "cpp" : "hip"))]
      : EMITS.filter((known) => asked.includes(known));
  if (options.output === undefined && asked === undefined) {
    const fix = "name the folder of the build with -o, or what to print with --emit";
    return printDiagnostics([usageError("there is nothing to do with what is compiled", fix)]);
  }
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);

  const { SolverPool } = await import("../verify/pool.ts");
  const { openProofCache } = await import("../verify/proof-cache.ts");
  const { cacheDirectory, proofDirectory } = await import("../compiler/build/cache.ts");
  const pool = new SolverPool();
  const proofs = openProofCache(proofDirectory(process.env));
  try {
    if (proofs.size === 0) pool.warm();
    const [{ prove, readSources }, { findToolchain }] = await Promise.all([
      import("../compiler/prove.ts"),
      import("../compiler/build/toolchain.ts"),
    ]);
    const read = await readSources({ inputs, cwd: process.cwd(), config: config.value });
    if (read.diagnostics.length > 0) return printDiagnostics(read.diagnostics, read.lookup);
    const architectures = options.offloadArch ?? [DEFAULT_ARCHITECTURE];
    const chosen = await chosenOf(read, options.tuned, architectures);
    if (!chosen.ok) return printDiagnostics(chosen.diagnostics, read.lookup);
    const sources = { ...read, kernels: chosen.value };
    progress(`proving ${sources.kernels.length} kernels`);
    const proof = await prove(sources, pool, proofs);
    if (proof.cacheRemark !== undefined) process.stderr.write(`remark: ${proof.cacheRemark}\n`);
    if (options.table && options.output !== undefined) {
      const { proofSummary, proofTable } = await import("./proof-table.ts");
      print(proofTable(proof));
      print(proofSummary(proof));
    }
    progress("building");
    const compilation = await compile({
      name: nameOf(inputs),
      proof,
      lookup: sources.lookup,
      targets,
      architectures,
      emits: options.output === undefined ? emits.filter((emit) => emit !== "so") : emits,
      toolchain: await findToolchain(process.env),
      cache: cacheDirectory(process.env),
    });
    if (!compilation.ok) return printDiagnostics(compilation.diagnostics, sources.lookup);
    printDiagnostics(compilation.value.remarks);
    if (options.output === undefined) {
      for (const { text } of describeFiles(compilation.value)) print(text);
      if (emits.includes("manifest")) {
        const { renderManifest, sealManifest } = await import("../compiler/build/manifest.ts");
        print(renderManifest(sealManifest(compilation.value.body, [])));
      }
      return EXIT.done;
    }
    const written = await writeCompilation(options.output, compilation.value);
    if (!written.ok) return printDiagnostics(written.diagnostics);
    for (const { role, name } of written.value.files) if (role === "library") print(`wrote ${options.output}/${name}`);
    print(
      `wrote ${options.output}/manifest.json: ${written.value.files.length} files, ${written.value.self.slice(0, 12)}`,
    );
    return EXIT.done;
  } finally {
    pool.close();
  }
}

/** All kernels, or of their instances those that a tuning file chooses. TK416: there is no such file. */
async function chosenOf(
  { kernels, lookup }: Sources,
  path: string | undefined,
  architectures: readonly string[],
): Promise<Result<readonly Kernel[]>> {
  if (path === undefined) return ok(kernels);
  const text = readSource(path);
  if (text === undefined) {
    const fix = "name the file that tokitai tune -o has written";
    return refuse(error("TK416", undefined, `there is no tuning file ${path}`, fix));
  }
  const { chosenKernels, parseTuning } = await import("../compiler/tuning-file.ts");
  const entries = parseTuning(text, path);
  return entries.ok ? chosenKernels(kernels, lookup, entries.value, architectures) : entries;
}

/** Names the library after its first input: `models/moe.ts` and `moe` give `moe`. */
function nameOf(inputs: readonly string[]): string {
  const stem = basename(inputs[0] ?? "library").replace(/\.ts$/, "");
  const name = stem.replace(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z]/.test(name) ? name : `lib_${name}`;
}
