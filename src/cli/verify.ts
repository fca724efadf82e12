/** `tokitai verify`: proves kernels and models, and reports every obligation. */

import type { Command } from "commander";
import { EXIT, type ExitCode, worst } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { addModelOptions, type ModelOptions, readModelConfig } from "./model-options.ts";
import { print, printDiagnostics } from "./output.ts";

interface VerifyOptions extends ModelOptions {
  readonly format: string;
  readonly jobs?: string;
}

export function addVerify(program: Command, finish: Finish): void {
  const command = program
    .command("verify")
    .description("prove kernels and models, and report every obligation")
    .argument("<inputs...>", "kernel files, folders of kernels, model files, or the built-in model moe")
    .option("--format <format>", "text or json", "text")
    .option("-j, --jobs <n>", "solver processes (default: one per core)");
  addModelOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  tokitai verify kernels                      every kernel in a folder
  tokitai verify my-kernel.ts                 one file
  tokitai verify moe --size tiny              a model with the kernels it launches
  tokitai verify kernels --format json        for machines: id, kind, place, verdict, time

Exit code: 0 all proved, 2 source refused, 5 something unknown, 10 something refuted.`,
    )
    .action(async (inputs: string[], options: VerifyOptions) => finish(await verify(inputs, options)));
}

async function verify(inputs: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  const jobs = options.jobs === undefined ? undefined : Number(options.jobs);
  if (!["text", "json"].includes(options.format) || (jobs !== undefined && !(Number.isInteger(jobs) && jobs > 0))) {
    process.stderr.write("--format is text or json; --jobs is a positive number\n");
    return EXIT.usage;
  }
  const config = readModelConfig(options);
  if (!config.ok) return printDiagnostics(config.diagnostics);
  const { SolverPool } = await import("../verify/pool.ts");
  const pool = new SolverPool(jobs === undefined ? {} : { processes: jobs });
  const { openProofCache } = await import("../verify/proof-cache.ts");
  const { proofDirectory } = await import("../compiler/build/cache.ts");
  const cache = openProofCache(proofDirectory(process.env));
  try {
    // With answers at hand, it may be that no solver is needed.
    if (cache.size === 0) pool.warm();
    const { prove, readSources, allObligations } = await import("../compiler/prove.ts");
    const { obligationDiagnostics, obligationJson } = await import("../verify/report.ts");
    const sources = await readSources({ inputs, cwd: process.cwd(), config: config.value });
    const refusedSources = printDiagnostics(sources.diagnostics, sources.lookup);
    const proof = await prove(sources, pool, cache);
    const obligations = allObligations(proof);
    if (options.format === "json") {
      const { format, solver } = { format: 1, solver: { name: "z3", version: proof.solverVersion } };
      print(JSON.stringify({ format, solver, obligations: obligations.map(obligationJson) }, undefined, 2));
    } else if (obligations.length > 0) {
      const { proofTable, proofSummary } = await import("./proof-table.ts");
      print(proofTable(proof));
      print(proofSummary(proof));
    }
    if (proof.cacheRemark !== undefined) process.stderr.write(`remark: ${proof.cacheRemark}\n`);
    const failed = printDiagnostics(obligationDiagnostics(obligations), sources.lookup);
    for (const { kernel, dropped } of proof.kernels) {
      if (kernel.computes === undefined && options.format === "text") print(`${kernel.name}: function not claimed`);
      if (dropped !== undefined) process.stderr.write(`remark: ${kernel.name} has no 32-bit instance: ${dropped}\n`);
    }
    if (obligations.length === 0 && refusedSources === EXIT.done) {
      process.stderr.write("nothing to prove: no kernel was found in the inputs\n");
      return EXIT.sourceRefused;
    }
    return worst([refusedSources, failed]);
  } finally {
    pool.close();
  }
}
