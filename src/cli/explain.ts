/** `tokitai verify --explain ID`: one obligation in words. */

import { type Sources, withChecks } from "../compiler/prove.ts";
import { explainObligation } from "../verify/explain.ts";
import type { SolverPool } from "../verify/pool.ts";
import type { ProofCache } from "../verify/proof-cache.ts";
import { obligationDiagnostics } from "../verify/report.ts";
import { openSession } from "../verify/session.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { exitCodeOfAll, print, printDiagnostics } from "./output.ts";
import { writeReport } from "./verify-report.ts";

export interface ExplainRequest {
  readonly sources: Sources;
  readonly id: string;
  readonly pool: SolverPool;
  readonly cache: ProofCache | undefined;
  /** The file to write to; default: stdout. */
  readonly output: string | undefined;
}

/** The exit code is that of the obligation's verdict; a source that is refused is not explained. */
export async function explain({ sources, id, pool, cache, output }: ExplainRequest): Promise<ExitCode> {
  const { kernels, programs, lookup, diagnostics } = sources;
  if (diagnostics.length > 0) return printDiagnostics(diagnostics, lookup);
  const subjects = { kernels: withChecks(kernels), plans: programs.map(({ plan }) => plan) };
  const explained = await explainObligation(subjects, id, openSession(pool, cache), lookup);
  if (!explained.ok) return printDiagnostics(explained.diagnostics);
  await pool.audit();
  cache?.save();
  const { text, obligation, optional } = explained.value;
  if (output === undefined) print(text);
  else {
    const written = writeReport(output, text);
    if (!written.ok) return printDiagnostics(written.diagnostics);
  }
  return optional ? EXIT.done : exitCodeOfAll(obligationDiagnostics([obligation]));
}
