/**
 * Init: every read of shared memory, of a register and of an `output` is preceded by a write of the same element, in
 * every run. (Other memory holds what the caller put there.)
 *
 * Among the writes before the read (`dominance.ts`) one must be performed, by the reading thread or by a thread of its
 * block, to the very element that is read. Which thread is found by inverting the write's index.
 */

import type { Claim, GiveId } from "../claim.ts";
import { type Candidate, denyAll } from "../existence.ts";
import { invertAccess } from "../invert.ts";
import type { Scope } from "../scope.ts";
import { type Access, pathTerms, type Summary } from "../summary.ts";
import { add, numeral, sub, type Term, visitAtoms } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";
import { type Earlier, earlierWrites } from "./dominance.ts";

const THREAD = ["thread.x", "thread.y", "thread.z"];
const BLOCK = ["block.x", "block.y", "block.z"];
/** The candidates with the fewest conditions; more of them make a query slow and rarely help. */
const MAX_CANDIDATES = 8;

/** `outputs` are the arrays in global memory that start undefined. */
export function initClaims(summary: Summary, outputs: ReadonlySet<string>, giveId: GiveId): readonly Claim[] {
  const earlier = earlierWrites(summary.nodes);
  return summary.accesses.flatMap((access) => {
    const reads = !access.write || access.atomic;
    const undefinedAtStart = access.space !== "global" || outputs.has(access.array);
    return reads && undefinedAtStart ? [initClaim(summary, access, earlier.get(access) ?? [], giveId)] : [];
  });
}

function initClaim(summary: Summary, read: Access, earlier: readonly Earlier[], giveId: GiveId): Claim {
  const { scope } = summary;
  const element = [...read.index];
  const last = element.length - 1;
  const lane: Term[] = [];
  const own = element[last];
  if (read.lanes > 1n && own !== undefined) {
    // Any lane of a vector access.
    const symbol: Term = `lane.${read.array}`;
    scope.symbols.set(`lane.${read.array}`, {
      name: `lane.${read.array}`,
      sort: "Int",
      owner: "launch",
      display: "lane",
    });
    lane.push(["<=", "0", symbol], ["<", symbol, numeral(read.lanes)]);
    element[last] = add(own, symbol);
  }
  const candidates = [...earlier]
    .sort((a, b) => guards(a) - guards(b))
    .slice(0, MAX_CANDIDATES)
    .map((one) => candidateFor(summary, read, one, element));
  const { hypotheses, others } = denyAll(scope, candidates);
  return {
    id: giveId("init", read.array),
    kind: "init",
    span: read.span,
    statement: `${read.text} has been written when it is read`,
    failure: `${read.text} may be read before anything is written to it`,
    code: "TK314",
    hypotheses: [...baseAssumptions(summary), ...pathTerms(read.path), ...lane, ...hypotheses],
    others,
    replay: {
      faults: ["uninitialised"],
      array: read.array,
      width: 64,
      loops: read.loops,
      show: element.map((term, axis) => ({ label: element.length > 1 ? `index of axis ${axis}` : "index", term })),
    },
    fix: `write every element of ${read.array} that is read, with a barrier() in between where another thread writes it`,
  };
}

function guards({ write }: Earlier): number {
  return write.path.filter(({ kind }) => kind === "guard").length;
}

function candidateFor(
  { scope, assumptions }: Summary,
  read: Access,
  { write, by, previous }: Earlier,
  element: readonly Term[],
): Candidate {
  const given = new Map<string, Term>();
  const free = new Set<string>(by === "any thread" ? THREAD : []);
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
  }
  const values = invertAccess(scope, write, element, free, given);
  const position = by === "any thread" ? assumptions.position : [];
  return { access: write, values, element, position, shared };
}

function isThreads(scope: Scope, atom: string): boolean {
  return scope.symbols.get(atom)?.owner === "thread";
}

function atomsOf({ path, index }: Access): ReadonlySet<string> {
  const atoms = new Set<string>();
  for (const term of [...pathTerms(path), ...index]) visitAtoms(term, (atom) => atoms.add(atom));
  return atoms;
}
