/**
 * Init: every read of shared memory, of a register and of an `output` is preceded by a write of the same element, in
 * every run. (Other memory holds what the caller put there.)
 *
 * Among the writes before the read (`dominance.ts`) one must be performed, by the reading thread or by a thread of its
 * block, to the very element that is read. Which thread is found by inverting the write's index.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import { type Claim, type GiveId, showIndex } from "../claim.ts";
import { digitsOf } from "../digits.ts";
import { nameElement } from "../element-bits.ts";
import { type Candidate, denyAll } from "../existence.ts";
import { invertAccess, proposalKey, QUOTIENT_GUESSES } from "../invert.ts";
import { declare, divide, type Scope } from "../scope.ts";
import { type Access, pathTerms, type Summary } from "../summary.ts";
import { add, eq, numeral, sub, type Term, visitAtoms } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";
import { type Earlier, earlierWrites } from "./dominance.ts";
import { threadNumber, WAVE } from "./race.ts";

/** The reader's wave: known to the thread that wrote, whose own symbols have other names. */
const READERS_WAVE = "wave.reader";
const THREAD = ["thread.x", "thread.y", "thread.z"];
const BLOCK = ["block.x", "block.y", "block.z"];
/** The candidates with the fewest conditions; more of them make a query slow and rarely help. */
const MAX_CANDIDATES = 8;

export function initClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const outputs = new Set(
    kernel.params.flatMap((param) => (param.kind === "tensor" && param.role === "output" ? [param.name] : [])),
  );
  const wave = divide(summary.scope, threadNumber(kernel), numeral(WAVE)).quotient;
  declare(summary.scope, { name: READERS_WAVE, sort: "Int", owner: "launch" });
  const earlier = earlierWrites(summary.nodes);
  return summary.accesses.flatMap((access) => {
    const reads = !access.write || access.atomic;
    const undefinedAtStart = access.space !== "global" || outputs.has(access.array);
    return reads && undefinedAtStart ? [initClaim(summary, wave, access, earlier.get(access) ?? [], giveId)] : [];
  });
}

function initClaim(summary: Summary, wave: Term, read: Access, earlier: readonly Earlier[], giveId: GiveId): Claim {
  const { scope } = summary;
  const element = [...read.index];
  const last = element.length - 1;
  const lane: Term[] = [];
  const own = element[last];
  if (read.lanes > 1n && own !== undefined) {
    // Any lane of a vector access.
    const symbol = declare(scope, { name: `lane.${read.array}`, sort: "Int", owner: "launch", display: "lane" });
    lane.push(["<=", "0", symbol], ["<", symbol, numeral(read.lanes)]);
    element[last] = add(own, symbol);
  }
  const named = nameElement(scope, read, element);
  const candidates = [...earlier]
    .sort((a, b) => guards(a) - guards(b))
    .slice(0, MAX_CANDIDATES)
    .flatMap((one) => candidatesFor(summary, wave, read, one, named.index));
  const proposed = candidates.flatMap(({ values }) => [...values.values()]);
  const digits = digitsOf(scope, proposed, { known: named.known, bits: named.bits });
  const { hypotheses, others } = denyAll(scope, candidates, { presumed: digits.presumed, bits: named.bits });
  return {
    id: giveId("init", read.array),
    kind: "init",
    span: read.span,
    statement: `${read.text} has been written when it is read`,
    failure: `${read.text} may be read before anything is written to it`,
    code: "TK314",
    hypotheses: [
      ...baseAssumptions(summary),
      ...pathTerms(read.path),
      ...lane,
      eq(READERS_WAVE, wave),
      ...named.hypotheses,
      ...digits.lemmas,
      ...hypotheses,
    ],
    others,
    replay: {
      faults: ["uninitialised", "race"],
      array: read.array,
      places: [read.span],
      width: 64,
      loops: read.loops,
      show: showIndex(element),
    },
    fix: `write every element of ${read.array} that is read, with a barrier() in between where another thread writes it`,
  };
}

function guards({ write }: Earlier): number {
  return write.path.filter(({ kind }) => kind === "guard").length;
}

/** The threads that may have written the element by this write. */
function candidatesFor(
  { scope, assumptions }: Summary,
  wave: Term,
  read: Access,
  { write, by, previous }: Earlier,
  element: readonly Term[],
): readonly Candidate[] {
  const given = new Map<string, Term>();
  const free = new Set<string>(by === "same thread" ? [] : THREAD);
  const shared = new Set<string>([...BLOCK, ...(by === "same thread" ? THREAD : [])]);
  let outer = true;
  for (const loop of write.loops) {
    if (loop === previous) {
      free.add(loop.symbol);
      given.set(loop.symbol, sub(loop.symbol, numeral(loop.step)));
      outer = false;
    } else if (outer && read.loops.includes(loop)) {
      shared.add(loop.symbol);
    } else {
      free.add(loop.symbol);
    }
  }
  // In the same iteration the thread's own unknowns are the same ones.
  if (by === "same thread" && previous === undefined) {
    const mine = atomsOf(read);
    for (const atom of atomsOf(write))
      if (mine.has(atom) && !free.has(atom) && isThreads(scope, atom)) shared.add(atom);
    shareDivisions(scope, free, shared);
  }
  const proposals = QUOTIENT_GUESSES.map((guess) => invertAccess(scope, write, element, free, given, guess));
  const distinct = new Map(proposals.map((values) => [proposalKey(values), values]));
  const position = {
    "same thread": [],
    "same wave": [...assumptions.position, eq(wave, READERS_WAVE)],
    "any thread": assumptions.position,
  }[by];
  return [...distinct.values()].map((values) => ({ access: write, values, element, position, shared }));
}

/** A quotient and a remainder of what the two have in common are ones that they have in common too. */
function shareDivisions(scope: Scope, free: ReadonlySet<string>, shared: Set<string>): void {
  const isShared = (atom: string): boolean =>
    !free.has(atom) && (shared.has(atom) || (scope.symbols.get(atom)?.owner ?? "launch") === "launch");
  // In the order of their definition, so that a dividend's own divisions come first.
  for (const { quotient, remainder, dividend, divisor } of scope.divisions) {
    let all = true;
    for (const term of [dividend, divisor]) {
      visitAtoms(term, (atom) => {
        all &&= isShared(atom);
      });
    }
    if (all) for (const part of [quotient, remainder]) shared.add(part);
  }
}

function isThreads(scope: Scope, atom: string): boolean {
  return scope.symbols.get(atom)?.owner === "thread";
}

function atomsOf({ path, index }: Access): ReadonlySet<string> {
  const atoms = new Set<string>();
  for (const term of [...pathTerms(path), ...index]) visitAtoms(term, (atom) => atoms.add(atom));
  return atoms;
}
