/**
 * Vacuity: what obligations assume can be met, so that their proofs say something.
 *
 * For the kernel's body and for each different path to an access there are sizes, a block, a thread and iterations that
 * meet everything assumed there: contracts, limits, invariants, lemmas, clauses on data. Products count as themselves,
 * and not as what their lemmas say. Where nothing meets it, an assumption contradicts another, or the code is dead: in
 * both cases its proofs are worth nothing.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import type { Span } from "../../support/span.ts";
import { type Claim, type GiveId, NO_REPLAY } from "../claim.ts";
import type { DataClause } from "../data-clause.ts";
import { type Path, pathTerms, type Summary } from "../summary.ts";
import { eq, not, printTerm } from "../term.ts";
import { baseAssumptions, launchAssumptions } from "./assumptions.ts";
import { anyValues } from "./data.ts";

export function vacuityClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const seen = new Set<string>();
  const claim = (
    name: string,
    path: Path,
    span: Span,
    what: string,
    failure: string,
    fix: string,
  ): readonly Claim[] => {
    const text = pathTerms(path).map(printTerm).join("\n");
    if (seen.has(text)) return [];
    seen.add(text);
    return [
      {
        id: giveId("contract", name),
        kind: "contract",
        span,
        statement: `${what} can be reached`,
        failure,
        code: "TK312",
        hypotheses: [...baseAssumptions(summary), ...pathTerms(path)],
        expects: "sat",
        exact: true,
        replay: NO_REPLAY,
        fix,
      },
    ];
  };
  return [
    ...claim(
      "reachable.body",
      [],
      kernel.span,
      "the body of the kernel",
      "no sizes meet the kernel's contract: its body is never reached, and everything would be proved of it",
      "remove the requires(...) that contradicts the others",
    ),
    ...summary.scope.data.map((clause) => dataClaim(summary, clause, giveId)),
    ...summary.accesses.flatMap(({ path, span, text, array }) =>
      claim(
        `reachable.${array}`,
        path,
        span,
        text,
        `${text} is never reached: the conditions around it contradict each other or the contract`,
        "remove the dead code, or the condition that is never met",
      ),
    ),
  ];
}

/**
 * Some elements meet a condition on data and all others that mention them: different ones, where the condition is about
 * several of one tensor, since an element beside itself meets what no two elements may.
 */
function dataClaim(summary: Summary, clause: DataClause, giveId: GiveId): Claim {
  const { values, guards } = anyValues(summary.scope, clause);
  const { extents } = clause;
  const different = values.flatMap((value, position) =>
    values.slice(0, position).flatMap((other, earlier) => {
      const alike = printTerm(extents[position] ?? "0") === printTerm(extents[earlier] ?? "0");
      return alike ? [not(eq(value, other))] : [];
    }),
  );
  return {
    id: giveId("contract", "reachable.data"),
    kind: "contract",
    span: clause.source.span,
    statement: `${clause.text} can be met by elements of its tensors`,
    failure: `no elements meet ${clause.text} and what else is required of them`,
    code: "TK312",
    hypotheses: [...launchAssumptions(summary), ...guards, ...different, clause.instance(values)],
    expects: "sat",
    exact: true,
    replay: NO_REPLAY,
    fix: "remove the requires(...) that contradicts the others",
  };
}
