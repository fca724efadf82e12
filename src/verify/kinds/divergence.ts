/**
 * Divergence: every barrier is reached by all threads of its block, in the same order.
 *
 * It suffices that each construct around a barrier decides alike for any two threads of a block that reach it: the
 * condition of an `if`, both bounds of a loop (or both threads run no iteration). By induction over the structure all
 * threads then run through the same barriers in the same iterations.
 */

import type { Claim, GiveId } from "../claim.ts";
import { type Renaming, secondThread } from "../query.ts";
import { type BarrierNode, type Decision, pathTerms, type Summary } from "../summary.ts";
import { and, eq, FALSE, le, not, or, rename, type Term } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";

export function divergenceClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  return summary.barriers.map((barrier) => divergenceClaim(summary, barrier, giveId));
}

function divergenceClaim(summary: Summary, barrier: BarrierNode, giveId: GiveId): Claim {
  const shared = new Set(barrier.loops.filter(({ waveAligned }) => waveAligned).map(({ symbol }) => symbol));
  const second = secondThread(summary.scope, true, shared);
  const base = baseAssumptions(summary);
  const apart = barrier.decisions.map((decision) => decideApart(decision, second));
  const last = barrier.decisions.at(-1)?.text;
  return {
    id: giveId("divergence", "barrier"),
    kind: "divergence",
    span: barrier.span,
    statement: "all threads of the block reach this barrier together",
    failure:
      last === undefined
        ? "the barrier may diverge"
        : `threads of a block may disagree on ${last}, around this barrier`,
    code: "TK304",
    hypotheses: [...base, ...base.map((term) => rename(term, second)), or(...apart)],
    renaming: second,
    replay: { faults: ["divergence"], width: 64, loops: barrier.loops, show: [] },
    fix: "move the barrier out of the branch, or make the condition the same for all threads of the block",
  };
}

/** Both threads reach the construct, and it decides differently for them. */
function decideApart({ path, terms }: Decision, second: Renaming): Term {
  const [first, hi] = terms;
  if (first === undefined) return FALSE;
  const same =
    hi === undefined
      ? eq(first, rename(first, second))
      : or(
          and(eq(first, rename(first, second)), eq(hi, rename(hi, second))),
          and(le(hi, first), le(rename(hi, second), rename(first, second))),
        );
  const reached = pathTerms(path);
  return and(...reached, ...reached.map((term) => rename(term, second)), not(same));
}
