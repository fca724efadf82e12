/**
 * Coverage: each element of an `output` is written, and by one thread only (which may rewrite it).
 *
 * - Written: the witness thread of an element is found by inverting the index of each store, or given by `covers(…)`; for
 *   all sizes and all elements one of them is a thread of the launch that reaches its store.
 * - By one thread: no two threads of a block write one element, whatever barriers lie between them; or, with one word of
 *   `covers(…)` for it, each thread that writes an element is the one that is named. (Threads of two blocks are a matter of
 *   race.)
 *
 * An `inout` owes neither: what is not written keeps its value.
 */

import type { Kernel, TensorParam } from "../../ir/kernel/types.ts";
import { type Claim, type GiveId, showIndex } from "../claim.ts";
import { digitLemmas } from "../digits.ts";
import { type Candidate, denyAll } from "../existence.ts";
import { invertAccess, proposalKey, QUOTIENT_GUESSES } from "../invert.ts";
import { secondThread } from "../query.ts";
import { declare } from "../scope.ts";
import { type Access, pathTerms, type Summary } from "../summary.ts";
import { not, type Term, within } from "../term.ts";
import { baseAssumptions, launchAssumptions } from "./assumptions.ts";
import { insideTerms } from "./bounds.ts";
import { apart, bothReach, isNamed, meet, namedThreads } from "./two-threads.ts";

const POSITION = ["block.x", "block.y", "block.z", "thread.x", "thread.y", "thread.z"];

export function coverageClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  return kernel.params.flatMap((param): readonly Claim[] => {
    if (param.kind !== "tensor" || param.role !== "output") return [];
    const writes = summary.accesses.filter(({ array, write }) => array === param.name && write);
    return [writtenClaim(param, writes, summary, giveId), ...onceClaims(kernel, writes, summary, giveId)];
  });
}

function writtenClaim({ name, span }: TensorParam, writes: readonly Access[], summary: Summary, giveId: GiveId): Claim {
  const { scope } = summary;
  const extents = summary.extents.get(name) ?? [];
  const element = extents.map((_, axis) =>
    declare(scope, { name: `at.${name}.${axis}`, sort: "Int", owner: "launch", display: `${name}.index[${axis}]` }),
  );
  const candidates = writes.flatMap((access) => candidatesFor(summary, access, element));
  const { hypotheses, others } = denyAll(scope, candidates);
  const [first] = writes;
  return {
    id: giveId("coverage", name),
    kind: "coverage",
    span: first?.span ?? span,
    statement: `each element of ${name} is written`,
    failure: first === undefined ? `nothing writes ${name}` : `an element of ${name} may be left unwritten`,
    code: "TK315",
    hypotheses: [
      ...launchAssumptions(summary),
      ...element.map((index, axis) => within("0", index, extents[axis] ?? "0")),
      ...hypotheses,
    ],
    others,
    replay: {
      faults: ["uncovered"],
      array: name,
      element: true,
      width: 64,
      loops: [],
      whole: true,
      show: showIndex(element),
    },
    fix: `let the grid and the guards reach every element of ${name}, or name the thread that writes it with covers(${name}, …)`,
  };
}

/** The threads that may write the element: by the author's word, and by inversion. */
function candidatesFor(summary: Summary, access: Access, element: readonly Term[]): readonly Candidate[] {
  const { scope, covers, assumptions } = summary;
  const free = new Set([...POSITION, ...access.loops.map(({ symbol }) => symbol)]);
  const words = covers.filter(({ source }) => source.array === access.array);
  const proposals = [
    ...words.map(({ witness }) => {
      const given = [...witness(element)].filter(([symbol]) => free.has(symbol));
      return invertAccess(scope, access, element, free, new Map(given));
    }),
    // Who has a word for it needs no guesses, which make the query longer.
    ...(words.length > 0
      ? []
      : QUOTIENT_GUESSES.map((guess) => invertAccess(scope, access, element, free, new Map(), guess))),
  ];
  const distinct = new Map(proposals.map((values) => [proposalKey(values), values]));
  return [...distinct.values()].map((values) => ({
    access,
    values,
    element,
    position: assumptions.position,
    shared: new Set<string>(),
  }));
}

/** With a word for who writes an element, that each writer is the one it names; else that no two write one element. */
function onceClaims(kernel: Kernel, writes: readonly Access[], summary: Summary, giveId: GiveId): readonly Claim[] {
  const named = writes[0] && namedThreads(kernel, summary, writes[0].array);
  if (named !== undefined) return [...named].map(([access, thread]) => namedClaim(access, thread, summary, giveId));
  return writes.flatMap((first, position) =>
    writes.slice(position).map((second) => onceClaim(first, second, summary, giveId)),
  );
}

/** Of a write within the array, which every write is once `bounds` is proved. */
function namedClaim(access: Access, named: readonly Term[], summary: Summary, giveId: GiveId): Claim {
  const { array, text, path, index, span, loops } = access;
  const terms = [...pathTerms(path), ...index, ...named];
  return {
    id: giveId("coverage", `${array}.once`),
    kind: "coverage",
    span,
    statement: `the thread that writes ${text} is the one that covers(${array}, …) names`,
    failure: `another thread of the block than covers(${array}, …) names may write ${text}`,
    code: "TK316",
    hypotheses: [
      ...baseAssumptions(summary),
      ...pathTerms(path),
      ...insideTerms(access),
      not(isNamed(named)),
      ...digitLemmas(summary.scope, terms),
    ],
    replay: {
      faults: ["twice", "race"],
      array,
      acrossBlocks: false,
      element: true,
      width: 64,
      loops,
      show: [...showIndex(index), ...named.map((term, axis) => ({ label: `covers: thread.${"xyz"[axis]}`, term }))],
    },
    fix: `let one thread write each element of ${array}, the one that covers(${array}, …) names`,
  };
}

function onceClaim(first: Access, second: Access, summary: Summary, giveId: GiveId): Claim {
  const renaming = secondThread(summary.scope, true);
  const texts = [...new Set([first.text, second.text])].join(" and ");
  return {
    id: giveId("coverage", `${first.array}.once`),
    kind: "coverage",
    span: second.span,
    ...(first !== second && { related: [{ span: first.span, message: `the other write, ${first.text}` }] }),
    statement: `no two threads of a block write one element of ${first.array} through ${texts}`,
    failure: `two threads of a block may write one element of ${first.array}`,
    code: "TK316",
    hypotheses: [
      ...bothReach(summary, first, second, renaming),
      apart("thread", renaming),
      ...meet(first, second, renaming),
    ],
    renaming,
    replay: {
      faults: ["twice", "race"],
      array: first.array,
      acrossBlocks: false,
      element: true,
      width: 64,
      loops: [...first.loops, ...second.loops],
      show: showIndex(first.index),
    },
    fix: `let one thread write each element of ${first.array}: guard the store, or give each thread its own elements`,
  };
}
