/** `tokitai compile`: proves kernels and models, and builds the libraries of what is proved. */

import type { Command } from "commander";
import type { Emit, Target } from "../compiler/emits.ts";
import { type CompilationRequest, compileAnew, takeOrCompile } from "./compilation.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { anyNames, namesOf, usageError } from "./options.ts";
import { print, printDiagnostics } from "./output.ts";

interface CompileOptions extends ModelOptions {
  readonly target?: readonly Target[];
  readonly offloadArch?: readonly string[];
  readonly emit?: readonly string[];
  readonly output?: string;
  readonly tuned?: string;
  readonly table: boolean;
  readonly cache: boolean;
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
    .option("--no-table", "do not print the proof table")
    .option("--no-cache", "prove and build everything again, and keep nothing");
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
  const { EMITS } = await import("../compiler/emits.ts");
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
  const request = {
    inputs,
    config: config.value,
    targets,
    architectures: options.offloadArch ?? [DEFAULT_ARCHITECTURE],
    emits,
    tuned: options.tuned,
    keeps: options.cache,
  };
  if (options.output === undefined) return printCompilation(request);
  const compiled = await takeOrCompile({ ...request, ...(options.table && { onProved: print }) });
  if (typeof compiled === "number") return compiled;
  const { build, remarks } = compiled;
  process.stderr.write(remarks);
  const { contentName, writeSealed } = await import("../compiler/build/write-build.ts");
  const written = await writeSealed(options.output, build);
  if (!written.ok) return printDiagnostics(written.diagnostics);
  for (const file of build.files) {
    if (file.role === "library") print(`wrote ${options.output}/${contentName(file)}`);
  }
  print(`wrote ${options.output}/manifest.json: ${build.files.length} files, ${build.self.slice(0, 12)}`);
  return EXIT.done;
}

/** Prints what is emitted as text, instead of writing it. */
async function printCompilation(request: CompilationRequest): Promise<ExitCode> {
  const made = await compileAnew({ ...request, emits: request.emits.filter((emit) => emit !== "so") });
  if (typeof made === "number") return made;
  const { compilation } = made;
  printDiagnostics(compilation.remarks);
  const [{ describeFiles }, { renderManifest, sealManifest }] = await Promise.all([
    import("../compiler/compile.ts"),
    import("../compiler/build/manifest-text.ts"),
  ]);
  for (const { text } of describeFiles(compilation)) print(text);
  if (request.emits.includes("manifest")) print(renderManifest(sealManifest(compilation.body, [])));
  return EXIT.done;
}
