/**
 * Performance contracts, of the arrays that a kernel names:
 *
 * - Coalesced: what the threads of a wave access in one instruction lies side by side. Of two threads that are d apart in their
 *   wave, the elements are in one row and at most d accesses apart, so that 32 threads touch a window as wide as their
 *   32 accesses: as few segments of memory as these bytes can be in, but for where the first one starts.
 * - Segments: the same of the threads that fill one segment of memory together (`threadsOfSegment`), of as many bytes as the
 *   contract says: of these, from a multiple of their number on, the elements lie side by side. As many segments as the bytes are, but for where each run starts.
 * - Conflict-free: of each bank of shared memory, the threads that it serves at the same time read or write one word. Threads at
 *   the same word are served at once. Which threads are served together depends on the width of the access and on the
 *   architecture (`ir/kernel/lds.ts`); what is proved holds on each.
 *
 * An instruction is an access in the same iteration of all loops around it. A wave is 32 consecutive threads, x fastest: of one
 * of 64, LDS serves 32 threads at a time. The contract is of the accesses that the source has: the compiler may join
 * neighbours into wider ones.
 */

import { LDS_BANKS, LDS_WORD_BYTES, type Phase, phasesOf, type SharedAccess } from "../../ir/kernel/lds.ts";
import { ELEMENT_BYTES, threadsOfSegment } from "../../ir/kernel/limits.ts";
import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";
import { type Claim, type GiveId, showIndex } from "../claim.ts";
import { type Renaming, secondThread } from "../query.ts";
import { declare, divide } from "../scope.ts";
import type { Access, Summary } from "../summary.ts";
import { add, and, eq, le, lt, not, numeral, or, rename, scale, sub, type Term, within } from "../term.ts";
import { threadNumber, WAVE } from "./race.ts";
import { threadBits } from "./thread-bits.ts";
import { bothReach } from "./two-threads.ts";

const BANKS = BigInt(LDS_BANKS);
const WORD_BYTES = BigInt(LDS_WORD_BYTES);

export function performanceClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const { coalesced = [], segments = [], conflictFree = [] } = kernel.performance ?? {};
  return summary.accesses.flatMap((access): readonly Claim[] => {
    if (access.space === "global" && coalesced.includes(access.array)) {
      return [sideBySideClaim(kernel, summary, access, { group: WAVE, giveId })];
    }
    const segment = segments.find(({ tensor }) => tensor === access.array);
    if (access.space === "global" && segment !== undefined) {
      const element = tensorElement(kernel, access.array);
      const group = threadsOfSegment(segment.bytes, element, access.lanes);
      return [sideBySideClaim(kernel, summary, access, { group, bytes: segment.bytes, giveId })];
    }
    if (access.space === "shared" && conflictFree.includes(access.array)) {
      return [conflictClaim(kernel, summary, access, giveId)];
    }
    return [];
  });
}

/** The thread of `renaming` is a later one of so many, and executes the access at the same time. */
function together(
  kernel: Kernel,
  summary: Summary,
  access: Access,
  renaming: Renaming,
  group: bigint = WAVE,
): readonly Term[] {
  const mine = threadNumber(kernel);
  const number = divide(summary.scope, mine, numeral(group)).quotient;
  return [
    ...bothReach(summary, access, access, renaming),
    lt(mine, rename(mine, renaming)),
    eq(number, rename(number, renaming)),
    ...access.loops.map(({ symbol, lo }) => eq(sub(symbol, lo), rename(sub(symbol, lo), renaming))),
  ];
}

function tensorElement({ name, params }: Kernel, tensor: string): TensorParam["element"] {
  const found = params.find((param): param is TensorParam => param.kind === "tensor" && param.name === tensor);
  if (found === undefined) throw new InternalError(`${name} has no tensor ${tensor}`);
  return found.element;
}

/** Of the threads of a group, a wave or a part of one, whatever two execute the access at the same time. */
function sideBySideClaim(
  kernel: Kernel,
  summary: Summary,
  access: Access,
  { group, bytes, giveId }: { readonly group: bigint; readonly bytes?: bigint; readonly giveId: GiveId },
): Claim {
  const { array, text, index, lanes, span, loops } = access;
  const renaming = secondThread(summary.scope, true);
  const other = index.map((term) => rename(term, renaming));
  const last = index.length - 1;
  const who = bytes === undefined ? "the threads of a wave" : `the threads that fill ${bytes} bytes`;
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
    statement: `${who} access ${text} side by side`,
    failure: `${who} may access ${text} far apart`,
    code: "TK322",
    hypotheses: [
      ...together(kernel, summary, access, renaming, group),
      ...threadBits(kernel, summary, index, { renaming, group }),
      not(sideBySide),
    ],
    renaming,
    replay: {
      faults: ["scattered"],
      array,
      places: [span],
      width: 64,
      loops,
      show: [...showIndex(index), ...showIndex(other).map(({ label, term }) => ({ label: `other ${label}`, term }))],
    },
    fix: `let the last index follow thread.x, and let a row of the block be a multiple of ${group} threads`,
  };
}

function conflictClaim(kernel: Kernel, summary: Summary, access: Access, giveId: GiveId): Claim {
  const { scope } = summary;
  const { array, text, span, loops, lanes, write } = access;
  const renaming = secondThread(scope, true);
  const element = elementOf(kernel, access);
  const local = kernel.arrays.find(({ name }) => name === array)?.element ?? "f32";
  const bytes = ELEMENT_BYTES[local];
  const single = bytes < WORD_BYTES && lanes === 1n;
  // A vector access starts at a multiple of its words, which is an obligation of its own: two of them meet in a bank when their first
  // words do. Words are counted in elements where these fill them.
  const place = single ? divide(scope, scale(bytes, element), numeral(WORD_BYTES)).quotient : element;
  const other = rename(place, renaming);
  const served = { element: local, lanes, write, unit: kernel.matrix };
  const phase = inOnePhase(kernel, summary, served, renaming);
  const turns = declare(scope, { name: `turns.${span.line}.${span.column}`, sort: "Int", owner: "launch" });
  return {
    id: giveId("conflict-free", array),
    kind: "conflict-free",
    span,
    statement: `no two threads that are served together access two words of one bank through ${text}`,
    failure: `two threads of a wave may access two words of one bank through ${text}`,
    code: "TK323",
    hypotheses: [
      ...together(kernel, summary, access, renaming),
      phase,
      ...threadBits(kernel, summary, [place, phase], { renaming, group: lanesOf(served) }),
      // A multiple of the banks apart, and not the same.
      eq(sub(other, place), scale(single ? BANKS : (BANKS * WORD_BYTES) / bytes, turns)),
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
        { label: single || bytes === WORD_BYTES ? "word" : "element", term: place },
        { label: single || bytes === WORD_BYTES ? "other word" : "other element", term: other },
      ],
    },
    fix:
      lanes === 1n
        ? `lengthen the rows of ${array} by one element, or let neighbouring threads access neighbouring words`
        : `lengthen the rows of ${array} by one vector, or let neighbouring threads access neighbouring vectors`,
  };
}

/** So many consecutive threads, from a multiple of them on, that all phases are within. */
function lanesOf(access: SharedAccess): bigint {
  const phases = phasesOf(access).flat();
  if (phases.some((runs) => runs.length > 1)) return WAVE;
  return BigInt(Math.max(...phases.flat().map(([, count]) => count)));
}

/** The two threads are lanes of one phase, on some architecture. */
function inOnePhase(kernel: Kernel, { scope }: Summary, access: SharedAccess, renaming: Renaming): Term {
  const mine = threadNumber(kernel);
  const equalQuotients = (lanes: bigint): Term => {
    const { quotient } = divide(scope, mine, numeral(lanes));
    return eq(quotient, rename(quotient, renaming));
  };
  return or(
    ...phasesOf(access).map((phases) => {
      const [first] = phases;
      const [run] = first ?? [];
      // Groups of consecutive lanes, all as long as the first.
      if (run !== undefined && phases.every((phase) => phase.length === 1)) return equalQuotients(BigInt(run[1]));
      const lane = divide(scope, mine, numeral(WAVE)).remainder;
      const isIn = (one: Term, phase: Phase): Term =>
        or(...phase.map(([start, count]) => within(numeral(BigInt(start)), one, numeral(BigInt(start + count)))));
      return or(...phases.map((phase) => and(isIn(lane, phase), isIn(rename(lane, renaming), phase))));
    }),
  );
}

/** The number of the element that the access starts at, row by row. */
function elementOf(kernel: Kernel, { array, index }: Access): Term {
  const local = kernel.arrays.find(({ name }) => name === array);
  return index.reduce<Term>((sum, term, axis) => add(scale(local?.shape[axis] ?? 1n, sum), term), "0");
}
