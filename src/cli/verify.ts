/** `tokitai verify`: proves kernels and models, and reports every obligation. */

import { setFlagsFromString } from "node:v8";
import { type Command, Option } from "commander";
import type { Proof, Sources } from "../compiler/prove.ts";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import type { ObligationResult } from "../verify/obligation.ts";
import type { SolverPool } from "../verify/pool.ts";
import type { ProofCache } from "../verify/proof-cache.ts";
import { EXIT, type ExitCode, worst } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { namesOf, usageError, wholeNumber } from "./options.ts";
import { exitCodeOfAll, print, printDiagnostics } from "./output.ts";
import { NO_PROGRESS, type Progress, startProgress } from "./progress.ts";
import { FORMATS, type ReportFormat } from "./report-formats.ts";

/**
 * How much of a function is run, in bytes of its bytecode, before V8 compiles it with optimisation. With V8's own 67,584 a
 * run that has nothing to prove spends a third of its CPU time on code that it hardly uses.
 */
const OPTIMISE_AFTER = 500_000;

const SECOND_SOLVERS = ["z3", "cvc5"] as const;

interface VerifyOptions extends ModelOptions {
  readonly format: ReportFormat;
  readonly output?: string;
  readonly emit?: "smt2";
  readonly explain?: string;
  readonly playback?: string;
  readonly solver?: readonly (typeof SECOND_SOLVERS)[number][];
  readonly jobs?: number;
  readonly cache: boolean;
  readonly cacheDir?: string;
  readonly quiet?: true;
}

export function addVerify(program: Command, finish: Finish): void {
  const command = program
    .command("verify")
    .description("prove kernels and models, and report every obligation")
    .argument("<inputs...>", "kernel files, folders of kernels, model files, or the built-in model moe")
    .addOption(new Option("--format <format>", "how the result is printed").choices(FORMATS).default("text"))
    .option("-o, --output <file>", "write the report to a file instead of printing it")
    .addOption(new Option("--emit <kind>", "write each obligation to the folder of -o").choices(["smt2"]))
    .option("--explain <id>", "explain one obligation: what it says, what it assumes, and its SMT-LIB text")
    .option("--playback <folder>", "write each counterexample as a vitest case")
    .option("--solver <names>", "prove everything again with native solvers: z3, cvc5", namesOf(SECOND_SOLVERS))
    .option("-j, --jobs <n>", "solver processes (default: one per core)", wholeNumber(1, 1024))
    .option("--no-cache", "ask the solver everything, and keep nothing")
    .option("--cache-dir <folder>", "where answers are kept (default: $TOKITAI_CACHE or ~/.cache/tokitai)")
    .option("-q, --quiet", "print what is not proved, and nothing else");
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai verify kernels                      every kernel in a folder
  tokitai verify my-kernel.ts                 one file
  tokitai verify moe --size tiny              a model with the kernels it launches
  tokitai verify kernels --solver z3,cvc5     and a second and third solver's opinion
  tokitai verify kernels --format sarif -o tokitai.sarif    for code scanning
  tokitai verify kernels --format json        for machines: id, kind, place, verdict, time
  tokitai verify kernels --emit smt2 -o smt   every obligation as an SMT-LIB file, whatever its verdict
  tokitai verify kernels --explain linear/bounds/x#1        what an obligation says and assumes
  tokitai verify kernels --playback test/kernels            counterexamples as test cases

Exit code: 0 all proved, 2 source refused, 4 a solver is missing, 5 something unknown, 6 solvers disagree,
10 something refuted.`,
    )
    .action(async (inputs: string[], options: VerifyOptions) => finish(await verify(inputs, options)));
}

async function verify(inputs: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  const conflict = conflictOf(options);
  if (conflict !== undefined) return printDiagnostics([conflict]);
  const config = await readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  setFlagsFromString(`--interrupt-budget=${OPTIMISE_AFTER}`);
  const { SolverPool } = await import("../verify/pool.ts");
  const pool = new SolverPool(options.jobs === undefined ? {} : { processes: options.jobs });
  const cache = await openCache(options);
  try {
    // With answers at hand, it may be that no solver is needed.
    if (cache === undefined || cache.size === 0) pool.warm();
    const { readSources } = await import("../compiler/prove.ts");
    const request = { inputs, cwd: process.cwd(), config: config.value };
    // What other solvers are asked rests on nothing that was kept.
    const keeps = cache !== undefined && options.solver === undefined;
    const sources = await readSources(keeps ? { ...request, cache } : request);
    if (options.explain !== undefined) {
      const { explain } = await import("./explain.ts");
      return await explain({ sources, id: options.explain, pool, cache, output: options.output });
    }
    return await proveAndReport(sources, pool, cache, options);
  } finally {
    pool.close();
  }
}

function conflictOf({
  explain,
  format,
  emit,
  playback,
  solver,
  output,
  cache,
  cacheDir,
}: VerifyOptions): Diagnostic | undefined {
  const others = emit ?? playback ?? solver;
  if (explain !== undefined && (format !== "text" || others !== undefined)) {
    return usageError("--explain is about one obligation, and is text", "leave out the options of reports");
  }
  if (emit !== undefined && output === undefined) {
    return usageError(`--emit ${emit} needs a folder`, `name it with -o: tokitai verify kernels --emit ${emit} -o smt`);
  }
  if (!cache && cacheDir !== undefined) {
    return usageError("--no-cache and --cache-dir contradict each other", "leave out one of them");
  }
  return undefined;
}

async function openCache({ cache, cacheDir }: VerifyOptions): Promise<ProofCache | undefined> {
  if (!cache) return undefined;
  const { openProofCache } = await import("../verify/proof-cache.ts");
  const { proofDirectory } = await import("../compiler/build/cache-folder.ts");
  return openProofCache(proofDirectory(cacheDir === undefined ? process.env : { TOKITAI_CACHE: cacheDir }));
}

async function proveAndReport(
  sources: Sources,
  pool: SolverPool,
  cache: ProofCache | undefined,
  options: VerifyOptions,
): Promise<ExitCode> {
  const { prove, allObligations } = await import("../compiler/prove.ts");
  const proof = await watched(options, "proving", "obligations", ({ update }) => prove(sources, pool, cache, update));
  const obligations = allObligations(proof);
  const { solver, jobs } = options;
  const { askAgain, secondCodes } = await import("./second-opinion.ts");
  const second =
    solver &&
    (await watched(options, "asking again", "queries", (progress) => askAgain(obligations, solver, jobs, progress)));
  const { reportText, writeReport } = await import("./verify-report.ts");
  const { obligationDiagnostics } = await import("../verify/report.ts");
  const diagnostics = [...sources.diagnostics, ...obligationDiagnostics(obligations)];
  const exitCode = worst([exitCodeOfAll(diagnostics), ...secondCodes(second)]);
  const quiet = options.quiet === true;
  const text = await reportText(options.format, { sources, proof, obligations, second, exitCode, quiet });
  if (options.output !== undefined && options.emit === undefined) {
    const written = writeReport(options.output, text);
    if (!written.ok) return printDiagnostics(written.diagnostics);
  } else if (text !== "") print(text);
  const filesCode = await writeFiles(proof, obligations, options);
  if (!quiet) remark(proof);
  const code = worst([printDiagnostics(diagnostics, sources.lookup), ...secondCodes(second), filesCode]);
  if (obligations.length > 0 || code !== EXIT.done) return code;
  const fix = "name a file that exports a kernel({ … }), or a folder of such files";
  return printDiagnostics([error("TK001", undefined, "nothing to prove: no kernel was found in the inputs", fix)]);
}

/** Runs work under a progress display that ends with it. */
async function watched<T>(
  { quiet }: VerifyOptions,
  doing: string,
  things: string,
  work: (progress: Progress) => Promise<T>,
): Promise<T> {
  const progress = quiet === true ? NO_PROGRESS : startProgress({ doing, things, stream: process.stderr });
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}

/** The files of `--emit` and `--playback`. */
async function writeFiles(
  proof: Proof,
  obligations: readonly ObligationResult[],
  { emit, output, playback, quiet }: VerifyOptions,
): Promise<ExitCode> {
  const { writePlaybacks, writeQueries } = await import("./verify-report.ts");
  const told = (text: string): void => {
    if (quiet !== true) process.stderr.write(`${text}\n`);
  };
  if (emit !== undefined && output !== undefined) {
    const written = writeQueries(output, obligations);
    if (!written.ok) return printDiagnostics(written.diagnostics);
    told(`wrote ${output}: ${written.value} obligations`);
  }
  if (playback !== undefined) {
    const written = await writePlaybacks(playback, proof, obligations);
    if (!written.ok) return printDiagnostics(written.diagnostics);
    told(`wrote ${playback}: ${written.value} counterexamples; npx vitest run ${playback}`);
  }
  return EXIT.done;
}

function remark({ kernels, cacheRemark }: Proof): void {
  if (cacheRemark !== undefined) process.stderr.write(`remark: ${cacheRemark}\n`);
  for (const { kernel, dropped } of kernels) {
    if (dropped !== undefined) process.stderr.write(`remark: ${kernel.name} has no 32-bit instance: ${dropped}\n`);
  }
}
