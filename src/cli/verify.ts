/** `tokitai verify`: proves kernels and models, and reports every obligation. */

import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import type { Proof, Sources } from "../compiler/prove.ts";
import { error } from "../support/diagnostic.ts";
import type { ObligationResult } from "../verify/obligation.ts";
import type { SecondOpinion } from "../verify/second-opinion.ts";
import { EXIT, type ExitCode, worst } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { namesOf, wholeNumber } from "./options.ts";
import { exitCodeOfAll, print, printDiagnostics } from "./output.ts";

const FORMATS = ["text", "json", "sarif", "junit"] as const;
const SECOND_SOLVERS = ["z3", "cvc5"] as const;

interface VerifyOptions extends ModelOptions {
  readonly format: (typeof FORMATS)[number];
  readonly output?: string;
  readonly jobs?: number;
  readonly solver?: readonly (typeof SECOND_SOLVERS)[number][];
  readonly cache: boolean;
}

export function addVerify(program: Command, finish: Finish): void {
  const command = program
    .command("verify")
    .description("prove kernels and models, and report every obligation")
    .argument("<inputs...>", "kernel files, folders of kernels, model files, or the built-in model moe")
    .addOption(new Option("--format <format>", "how the result is printed").choices(FORMATS).default("text"))
    .option("-o, --output <file>", "write the report to a file instead of printing it")
    .option("--solver <names>", "prove everything again with native solvers: z3, cvc5", namesOf(SECOND_SOLVERS))
    .option("-j, --jobs <n>", "solver processes (default: one per core)", wholeNumber(1, 1024))
    .option("--no-cache", "ask the solver everything, and keep nothing");
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

Exit code: 0 all proved, 2 source refused, 4 a solver is missing, 5 something unknown, 6 solvers disagree,
10 something refuted.`,
    )
    .action(async (inputs: string[], options: VerifyOptions) => finish(await verify(inputs, options)));
}

async function verify(inputs: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  const config = readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const { SolverPool } = await import("../verify/pool.ts");
  const pool = new SolverPool(options.jobs === undefined ? {} : { processes: options.jobs });
  const { openProofCache } = await import("../verify/proof-cache.ts");
  const { proofDirectory } = await import("../compiler/build/cache.ts");
  const cache = options.cache ? openProofCache(proofDirectory(process.env)) : undefined;
  try {
    // With answers at hand, it may be that no solver is needed.
    if (cache === undefined || cache.size === 0) pool.warm();
    const { prove, readSources, allObligations } = await import("../compiler/prove.ts");
    const sources = await readSources({ inputs, cwd: process.cwd(), config: config.value });
    const proof = await prove(sources, pool, cache);
    const obligations = allObligations(proof);
    const second = options.solver === undefined ? undefined : await askAgain(obligations, options);
    const exit = worst([await report(sources, proof, obligations, options, second), ...secondCodes(second)]);
    if (obligations.length > 0 || exit !== EXIT.done) return exit;
    const fix = "name a file that exports a kernel({ … }), or a folder of such files";
    return printDiagnostics([error("TK001", undefined, "nothing to prove: no kernel was found in the inputs", fix)]);
  } finally {
    pool.close();
  }
}

/** Prints or writes the report in the format asked for; what is not proved also goes to stderr, for people. */
async function report(
  sources: Sources,
  proof: Proof,
  obligations: readonly ObligationResult[],
  { format, output }: VerifyOptions,
  second: SecondOpinion | undefined,
): Promise<ExitCode> {
  const { countVerdicts, obligationDiagnostics, obligationJson } = await import("../verify/report.ts");
  const diagnostics = [...sources.diagnostics, ...obligationDiagnostics(obligations)];
  const exitCode = worst([exitCodeOfAll(diagnostics), ...secondCodes(second)]);
  const texts: Readonly<Record<VerifyOptions["format"], () => Promise<string>>> = {
    json: async () => {
      const solver = { name: "z3", version: proof.solverVersion };
      const all = {
        format: 1,
        solver,
        ...(second && { secondOpinion: second }),
        obligations: obligations.map(obligationJson),
      };
      return JSON.stringify(all, undefined, 2);
    },
    sarif: async () => {
      const { sarifText } = await import("./sarif.ts");
      return sarifText({ diagnostics, counts: countVerdicts(obligations), exitCode });
    },
    junit: async () => {
      const { junitText } = await import("./junit.ts");
      return junitText(obligations, sources.diagnostics);
    },
    text: async () => {
      if (obligations.length === 0) return "";
      const { proofSummary, proofTable } = await import("./proof-table.ts");
      const unclaimed = proof.kernels.flatMap(({ kernel }) =>
        kernel.computes === undefined ? [`${kernel.name}: function not claimed`] : [],
      );
      return [proofTable(proof), proofSummary(proof), ...unclaimed, ...describeSecond(second)].join("\n");
    },
  };
  const text = await texts[format]();
  if (output !== undefined) {
    try {
      writeFileSync(output, `${text}\n`);
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      const fix = "name a file in a folder that exists and can be written to";
      return printDiagnostics([error("TK540", undefined, `the report cannot be written: ${cause.message}`, fix)]);
    }
  } else if (text !== "") print(text);
  if (proof.cacheRemark !== undefined) process.stderr.write(`remark: ${proof.cacheRemark}\n`);
  for (const { kernel, dropped } of proof.kernels) {
    if (dropped !== undefined) process.stderr.write(`remark: ${kernel.name} has no 32-bit instance: ${dropped}\n`);
  }
  return printDiagnostics(diagnostics, sources.lookup);
}

async function askAgain(obligations: readonly ObligationResult[], options: VerifyOptions): Promise<SecondOpinion> {
  const { secondOpinion } = await import("../verify/second-opinion.ts");
  const jobs = options.jobs === undefined ? {} : { jobs: options.jobs };
  const opinion = await secondOpinion(obligations, { solvers: options.solver ?? [], ...jobs });
  printDiagnostics([
    ...opinion.missing.map((name) =>
      error("TK430", undefined, `the solver ${name} is not installed`, `apt-get install ${name}`),
    ),
    ...opinion.solvers.flatMap(({ name, disagreed }) =>
      disagreed.map(({ id, ours, theirs }) =>
        error("TK600", undefined, `${name} says ${theirs} where Z3 in WebAssembly says ${ours}: ${id}`, "report it"),
      ),
    ),
  ]);
  return opinion;
}

function secondCodes(second: SecondOpinion | undefined): readonly ExitCode[] {
  if (second === undefined) return [];
  const disagree = second.solvers.some(({ disagreed }) => disagreed.length > 0);
  return [...(disagree ? [EXIT.internal] : []), ...(second.missing.length > 0 ? [EXIT.toolFailed] : [])];
}

function describeSecond(second: SecondOpinion | undefined): readonly string[] {
  if (second === undefined) return [];
  return second.solvers.flatMap(({ name, version, agreed, unknown, disagreed }) => [
    `${name} ${version}: ${agreed} agreed, ${disagreed.length} disagreed, ${unknown.length} unknown`,
    ...unknown.map((id) => `  unknown to ${name}: ${id}`),
  ]);
}
