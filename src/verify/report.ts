/** Reports of a verification: diagnostics of what is not proved, counts, and the JSON of every obligation. */

import type { Diagnostic } from "../support/diagnostic.ts";
import { NO_SPAN } from "../support/span.ts";
import type { ObligationResult, Verdict } from "./obligation.ts";

/** One error per obligation that is refuted or unknown; TK399 is the code of `unknown`. */
export function obligationDiagnostics(obligations: readonly ObligationResult[]): readonly Diagnostic[] {
  return obligations.flatMap((obligation): readonly Diagnostic[] => {
    const { verdict, id, span, related, code, failure, statement, witness, reason, fix } = obligation;
    if (verdict === "proved") return [];
    const refuted = verdict === "refuted";
    return [
      {
        code: refuted ? code : "TK399",
        severity: "error",
        message: refuted ? failure : `not proved: ${statement}${reason === undefined ? "" : ` (${reason})`}`,
        id,
        ...(span !== NO_SPAN && { span }),
        ...(related && { related }),
        ...(witness && { witness: witness.text, replayed: witness.replayed }),
        ...(fix !== undefined && { fix }),
      },
    ];
  });
}

export type Counts = Readonly<Record<Verdict, number>>;

export function countVerdicts(obligations: readonly ObligationResult[]): Counts {
  const count = (verdict: Verdict): number => obligations.filter((obligation) => obligation.verdict === verdict).length;
  return { proved: count("proved"), refuted: count("refuted"), unknown: count("unknown") };
}

/** An obligation as JSON: dimensions of a witness are decimal strings, since they may exceed 2^53. */
export function obligationJson(obligation: ObligationResult): object {
  const { id, kind, kernel, span, statement, verdict, solverMs, queryHash, shapes, witness, reason, fix } = obligation;
  return {
    id,
    kind,
    kernel,
    verdict,
    statement,
    ...(span !== NO_SPAN && { span }),
    solverMs: Math.round(solverMs * 100) / 100,
    queryHash,
    ...(shapes !== undefined && { shapes }),
    ...(witness && {
      witness: {
        dims: Object.fromEntries(Object.entries(witness.dims).map(([name, value]) => [name, String(value)])),
        text: witness.text,
        replayed: witness.replayed,
      },
    }),
    ...(reason !== undefined && { reason }),
    ...(fix !== undefined && { fix }),
  };
}

/** A file name without its extension: `linear-bounds-x-2`. */
export function obligationFileStem(id: string): string {
  return id.replace(/[^A-Za-z0-9_]+/g, "-");
}

/** The obligation as a self-contained SMT-LIB 2 file: `unsat` is the proof. */
export function smt2Text({ id, statement, query }: ObligationResult): string {
  return `; ${id}\n; ${statement}\n; unsat proves it\n(set-logic ALL)\n${query}(check-sat)\n`;
}
