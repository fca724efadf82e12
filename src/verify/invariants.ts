/** The invariants of a loop: assumed at a value of its counter, and to be checked at one. */

import type { Expr } from "../ir/kernel/expr.ts";
import { printExpr } from "../ir/kernel/print.ts";
import type { ForStmt } from "../ir/kernel/types.ts";
import { InternalError } from "../support/result.ts";
import { asGhost, type Execution, evaluateTerm, siteOf } from "./evaluate.ts";
import { from } from "./scope.ts";
import type { InvariantCheck, PathStep } from "./summary.ts";
import type { Term } from "./term.ts";

/** A step of the path that is known, and not a condition of the kernel. */
export function fact(term: Term): PathStep {
  return { kind: "fact", term };
}

/** What the invariants of a loop say of a value of its counter. */
export function invariantFacts(run: Execution, stmt: ForStmt, counter: Term): readonly PathStep[] {
  return invariantTerms(run, stmt, counter).map((term, ordinal) => {
    const invariant = stmt.invariants[ordinal];
    const [text, span] = invariant === undefined ? ["", stmt.span] : [printExpr(invariant), invariant.span];
    return fact(from(run.scope, `invariant ${text}`, term, span));
  });
}

function invariantTerms(run: Execution, stmt: ForStmt, counter: Term): readonly Term[] {
  const { env } = run;
  run.env = new Map(env).set(stmt.counter, counter);
  const terms = asGhost(run, () => stmt.invariants.map((invariant) => evaluateTerm(run, invariant)));
  run.env = env;
  return terms;
}

/** Notes that the invariants have to hold at a value of the counter, in the state of `run`. */
export function checkInvariants(
  run: Execution,
  out: InvariantCheck[],
  stmt: ForStmt,
  counter: Term,
  phase: InvariantCheck["phase"],
): void {
  const goals = invariantTerms(run, stmt, counter);
  stmt.invariants.forEach((expr: Expr, ordinal) => {
    const goal = goals[ordinal];
    if (goal === undefined) throw new InternalError("an invariant without a term");
    out.push({ ...siteOf(run, expr.span), phase, goal, expr, text: printExpr(expr) });
  });
}
