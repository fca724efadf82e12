/**
 * Divergence: every barrier, and what the threads of a wave run together, is reached by all threads of its block, in the
 * same order; and the lanes of a wave that load a fragment load it from one tile.
 *
 * It suffices that each construct around it decides alike for any two threads of a block that reach it: the condition of
 * an `if`, both bounds of a loop (or both threads run no iteration). By induction over the structure all threads then run
 * through the same barriers and collectives in the same iterations.
 */

import { layoutOf } from "../../ir/kernel/matrix.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import type { Claim, GiveId } from "../claim.ts";
import { type Renaming, secondThread } from "../query.ts";
import { divide } from "../scope.ts";
import {
  type BarrierNode,
  type Collective,
  type Decision,
  type LoopContext,
  pathTerms,
  type Summary,
} from "../summary.ts";
import { and, eq, FALSE, le, not, numeral, or, rename, type Term } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";
import { threadNumber } from "./race.ts";

export function divergenceClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  return [
    ...summary.barriers.map((barrier) => togetherClaim(summary, barrier, "barrier", "barrier", giveId)),
    ...summary.collectives.flatMap((collective) => [
      togetherClaim(summary, collective, collective.array, collective.what, giveId),
      ...(collective.tile.length === 0 ? [] : [tileClaim(kernel, summary, collective, giveId)]),
    ]),
  ];
}

function togetherClaim(
  summary: Summary,
  reached: BarrierNode | Collective,
  name: string,
  what: "barrier" | Collective["what"],
  giveId: GiveId,
): Claim {
  const second = inStep(summary, reached.loops);
  const base = baseAssumptions(summary);
  const apart = reached.decisions.map((decision) => decideApart(decision, second));
  const last = reached.decisions.at(-1)?.text;
  return {
    id: giveId("divergence", name),
    kind: "divergence",
    span: reached.span,
    statement: `all threads of the block reach this ${what} together`,
    failure:
      last === undefined
        ? `the ${what} may diverge`
        : `threads of a block may disagree on ${last}, around this ${what}`,
    code: "TK304",
    hypotheses: [...base, ...base.map((term) => rename(term, second)), or(...apart)],
    renaming: second,
    replay: { faults: ["divergence"], width: 64, loops: reached.loops, show: [] },
    fix: `move the ${what} out of the branch, or make the condition the same for all threads of the block`,
  };
}

/** Another thread of the block, in the same iterations of the loops that the block runs together. */
function inStep(summary: Summary, loops: readonly LoopContext[]): Renaming {
  const shared = new Set(loops.filter(({ decided }) => decided).map(({ symbol }) => symbol));
  return secondThread(summary.scope, true, shared);
}

/** Two threads of a wave are at one tile. */
function tileClaim(kernel: Kernel, summary: Summary, collective: Collective, giveId: GiveId): Claim {
  const { array, span, path, loops, tile, text } = collective;
  const second = inStep(summary, loops);
  const base = baseAssumptions(summary);
  const wave = divide(summary.scope, threadNumber(kernel), numeral(layoutOf(kernel).lanes)).quotient;
  const reached = [...base, ...pathTerms(path)];
  return {
    id: giveId("divergence", array),
    kind: "divergence",
    span,
    statement: `the threads of a wave load ${array} from one tile`,
    failure: `the threads of a wave may name different tiles by ${text}`,
    code: "TK304",
    hypotheses: [
      ...reached,
      ...reached.map((term) => rename(term, second)),
      eq(wave, rename(wave, second)),
      not(and(...tile.map((term) => eq(term, rename(term, second))))),
    ],
    renaming: second,
    replay: {
      faults: ["divergence"],
      places: [span],
      width: 64,
      loops,
      show: tile.flatMap((term, axis) => [
        { label: `tile of axis ${axis}`, term },
        { label: `other tile of axis ${axis}`, term: rename(term, second) },
      ]),
    },
    fix: `let the tile follow from matrix.wave and the block, and not from the lane: loadFragment adds the lane's own place`,
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
