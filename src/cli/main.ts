/**
 * The command line: arguments → exit code.
 *
 * Only commander is loaded up front; each command imports what it needs when it runs, so that help is instant.
 */

import { Command, CommanderError } from "commander";
import { VERSION } from "../support/version.ts";
import { addBench } from "./bench.ts";
import { addCompile } from "./compile.ts";
import { addDiagnose } from "./diagnose.ts";
import { addDoctor } from "./doctor.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { addInspect } from "./inspect.ts";
import { usageDiagnostic } from "./options.ts";
import { printDiagnostics } from "./output.ts";
import { addPlan } from "./plan.ts";
import { addRun } from "./run.ts";
import { addTrain } from "./train.ts";
import { addTune } from "./tune.ts";
import { addVerify } from "./verify.ts";

/** Takes the exit code of a command. */
export type Finish = (code: ExitCode) => void;

/** Runs one command line; errors that are not tokitai's own mistakes are reported, never thrown. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const finish: Finish = (code) => {
    exitCode = code;
  };
  const program = new Command("tokitai")
    .description("Compiles GPU kernels written in TypeScript to HIP and C++, and emits only what it can prove safe.")
    .version(VERSION)
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  tokitai verify kernels                                prove every kernel of a folder
  tokitai compile moe --size nano --target cpu -o out   prove and build a model for this machine
  tokitai compile kernels --offload-arch gfx1101 -o out --target hip
  tokitai run out --data birdstrikes --rows 1000        run a built model
  tokitai train --data birdstrikes --epochs 20          train a model
  tokitai bench out                                     time a built model, kernel by kernel
  tokitai diagnose runs/birdstrikes-nano-seed7          look for faults of what was trained
  tokitai plan moe --size full --batch 256              a model's parameters, memory and FLOPs
  tokitai tune kernels/gemm.ts --shape B=1024,K=2048,N=2048   choose among a kernel's instances
  tokitai doctor                                        what is installed, and what it enables

Exit codes: 0 done, 1 usage, 2 source refused, 3 refused at run time, 4 a tool failed or is missing,
5 something is unknown, 6 a defect in tokitai, 10 something is refuted.`,
    );
  refuseUsage(program);
  const commands = [
    addCompile,
    addVerify,
    addRun,
    addTrain,
    addDiagnose,
    addPlan,
    addBench,
    addInspect,
    addTune,
    addDoctor,
  ];
  for (const add of commands) add(program, finish);
  program.commands.forEach(refuseUsage);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? EXIT.done : EXIT.usage;
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    process.stderr.write(`tokitai: this is a defect in tokitai, please report it\n${text}\n`);
    return EXIT.internal;
  }
}

/** Prints what commander refuses as diagnostics. */
function refuseUsage(command: Command): void {
  command.configureOutput({ outputError: (text) => void printDiagnostics([usageDiagnostic(text, command)]) });
}
