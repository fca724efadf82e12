/**
 * Performance contracts, of the arrays that a kernel names:
 *
 * - Coalesced: what the threads of a wave access in one instruction lies side by side. Of two threads that are d apart in their
 *   wave, the elements are in one row and at most d accesses apart, so that 32 threads touch a window as wide as their
 *   32 accesses: as few segments of memory as these bytes can be in, but for where the first one starts.
 * - Conflict-free: of each bank of shared memory, the threads that it serves at the same time read or write one word. Threads at
 *   the same word are served at once. Which threads are served together depends on the width of the access and on the
 *   architecture (`ir/kernel/lds.ts`); what is proved holds on each.
 *
 * An instruction is an access in the same iteration of all loops around it. A wave is 32 consecutive threads, x fastest: of one
 * of 64, LDS serves 32 threads at a time. The contract is of the accesses that the source has: the compiler may join
 * neighbours into wider ones.
 */

import { LDS_BANKS, LDS_WORD_BYTES, phasesOf, type SharedAccess, wordsOf } from "../../ir/kernel/lds.ts";
import { ELEMENT_BYTES } from "../../ir/kernel/limits.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import { type Claim, type GiveId, showIndex } from "../claim.ts";
import { type Renaming, secondThread } from "../query.ts";
import { declare, divide } from "../scope.ts";
import type { Access, Summary } from "../summary.ts";
import { add, and, eq, le, lt, not, numeral, or, rename, scale, sub, type Term, within } from "../term.ts";
import { threadNumber, WAVE } from "./race.ts";
import { bothReach } from "./two-threads.ts";

const BANKS = BigInt(LDS_BANKS);
const WORD_BYTES = BigInt(LDS_WORD_BYTES);

export function performanceClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const { coalesced = [], conflictFree = [] } = kernel.performance ?? {};
  return summary.accesses.flatMap((access): readonly Claim[] => {
    if (access.space === "global" && coalesced.includes(access.array)) {
      return [coalescedClaim(kernel, summary, access, giveId)];
    }
    if (access.space === "shared" && conflictFree.includes(access.array)) {
      return [conflictClaim(kernel, summary, access, giveId)];
    }
    return [];
  });
}

/** The thread of `renaming` is a later one of the wave, and executes the access at the same time. */
function together(kernel: Kernel, summary: Summary, access: Access, renaming: Renaming): readonly Term[] {
  const mine = threadNumber(kernel);
  const wave = divide(summary.scope, mine, numeral(WAVE)).quotient;
  return [
    ...bothReach(summary, access, access, renaming),
    lt(mine, rename(mine, renaming)),
    eq(wave, rename(wave, renaming)),
    ...access.loops.map(({ symbol, lo }) => eq(sub(symbol, lo), rename(sub(symbol, lo), renaming))),
  ];
}

function coalescedClaim(kernel: Kernel, summary: Summary, access: Access, giveId: GiveId): Claim {
  const { array, text, index, lanes, span, loops } = access;
  const renaming = secondThread(summary.scope, true);
  const other = index.map((term) => rename(term, renaming));
  const last = index.length - 1;
  const apart = sub(rename(threadNumber(kernel), renaming), threadNumber(kernel));
  const between = sub(other[last] ?? "0", index[last] ?? "0");
  const room = scale(lanes, apart);
  const sideBySide = and(
    ...index.slice(0, last).map((term, axis) => eq(term, other[axis] ?? "0")),
    le(between, room),
    le(sub("0", room), between),
  );
  return {
    id: giveId("coalesced", array),
    kind: "coalesced",
    span,
    statement: `the threads of a wave access ${text} side by side`,
    failure: `the threads of a wave may access ${text} far apart`,
    code: "TK322",
    hypotheses: [...together(kernel, summary, access, renaming), not(sideBySide)],
    renaming,
    replay: {
      faults: ["scattered"],
      array,
      places: [span],
      width: 64,
      loops,
      show: [...showIndex(index), ...showIndex(other).map(({ label, term }) => ({ label: `other ${label}`, term }))],
    },
    fix: "let the last index follow thread.x, and let a row of the block be a multiple of 32 threads",
  };
}

function conflictClaim(kernel: Kernel, summary: Summary, access: Access, giveId: GiveId): Claim {
  const { scope } = summary;
  const { array, text, span, loops, lanes, write } = access;
  const renaming = secondThread(scope, true);
  const word = wordOf(kernel, summary, access);
  const other = rename(word, renaming);
  const element = kernel.arrays.find(({ name }) => name === array)?.element ?? "f32";
  const shared: SharedAccess = { element, lanes, write };
  // Some word of the one is a multiple of the banks away from some word of the other, and not the same.
  const symbol = (name: string): Term =>
    declare(scope, { name: `${name}.${span.line}.${span.column}`, sort: "Int", owner: "launch" });
  const [turns, step] = [symbol("turns"), symbol("step")];
  const words = BigInt(wordsOf(shared));
  return {
    id: giveId("conflict-free", array),
    kind: "conflict-free",
    span,
    statement: `no two threads that are served together access two words of one bank through ${text}`,
    failure: `two threads of a wave may access two words of one bank through ${text}`,
    code: "TK323",
    hypotheses: [
      ...together(kernel, summary, access, renaming),
      inOnePhase(kernel, summary, shared, renaming),
      within(numeral(1n - words), step, numeral(words)),
      eq(add(sub(other, word), step), scale(BANKS, turns)),
      not(eq(turns, "0")),
    ],
    renaming,
    replay: {
      faults: ["conflict"],
      array,
      places: [span],
      width: 64,
      loops,
      show: [
        { label: "word", term: word },
        { label: "other word", term: other },
      ],
    },
    fix:
      lanes === 1n
        ? `lengthen the rows of ${array} by one element, or let neighbouring threads access neighbouring words`
        : `lengthen the rows of ${array} by one vector, or let neighbouring threads access neighbouring vectors`,
  };
}

/** The two threads are lanes of one phase, on some architecture. */
function inOnePhase(kernel: Kernel, { scope }: Summary, access: SharedAccess, renaming: Renaming): Term {
  const lane = divide(scope, threadNumber(kernel), numeral(WAVE)).remainder;
  const isIn = (one: Term, phase: ReturnType<typeof phasesOf>[number][number]): Term =>
    or(...phase.map(([first, count]) => within(numeral(BigInt(first)), one, numeral(BigInt(first + count)))));
  return or(
    ...phasesOf(access).flatMap((phases) =>
      phases.map((phase) => and(isIn(lane, phase), isIn(rename(lane, renaming), phase))),
    ),
  );
}

/** The number of the array's 4-byte word that the access starts in. */
function wordOf(kernel: Kernel, { scope }: Summary, { array, index }: Access): Term {
  const local = kernel.arrays.find(({ name }) => name === array);
  const element = index.reduce<Term>((sum, term, axis) => add(scale(local?.shape[axis] ?? 1n, sum), term), "0");
  const bytes = ELEMENT_BYTES[local?.element ?? "f32"];
  return bytes === WORD_BYTES ? element : divide(scope, scale(bytes, element), numeral(WORD_BYTES)).quotient;
}
