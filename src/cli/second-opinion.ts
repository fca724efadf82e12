/** `--solver`: asks native solvers, and says where they contradict and which are missing. */

import { error } from "../support/diagnostic.ts";
import type { NativeSolverName } from "../verify/native-solver.ts";
import type { ObligationResult } from "../verify/obligation.ts";
import type { SecondOpinion } from "../verify/second-opinion.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printDiagnostics } from "./output.ts";
import type { Progress } from "./progress.ts";

/** TK430: a solver that is not installed; TK600: one that contradicts tokitai's own. */
export async function askAgain(
  obligations: readonly ObligationResult[],
  solvers: readonly NativeSolverName[],
  jobs: number | undefined,
  progress: Progress,
): Promise<SecondOpinion> {
  const { secondOpinion } = await import("../verify/second-opinion.ts");
  const opinion = await secondOpinion(obligations, {
    solvers,
    ...(jobs !== undefined && { jobs }),
    onProgress: progress.update,
  });
  progress.stop();
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

export function secondCodes(second: SecondOpinion | undefined): readonly ExitCode[] {
  if (second === undefined) return [];
  const disagree = second.solvers.some(({ disagreed }) => disagreed.length > 0);
  return [...(disagree ? [EXIT.internal] : []), ...(second.missing.length > 0 ? [EXIT.toolFailed] : [])];
}
