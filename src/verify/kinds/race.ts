/**
 * Race: no two threads touch the same location, at least one writing, unless a barrier orders them.
 *
 * - Threads of one block: each pair of accesses within a barrier interval (`intervals.ts`), to shared or global memory.
 * - Threads of different blocks: each pair of accesses to global memory anywhere in the launch; no barrier orders them.
 *
 * In a kernel with wave barriers the pairs within a block are two cases: threads of one wave, for which wave barriers end
 * an interval, and threads of two waves, for which they do not. A wave is 32 consecutive threads, x fastest; threads of
 * one such wave are in one wave of 64 as well. Two atomic accesses to a location do not race. A vector access is the
 * range of its lanes. Writes of equal values are races. Tensors are pairwise disjoint (the launcher checks it), so that accesses to
 * different arrays never meet. Indices are compared dimension by dimension: that each is within its axis is the bounds
 * obligation of the access.
 */

import type { BarrierScope, Kernel } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";
import { type Claim, type GiveId, showIndex } from "../claim.ts";
import { secondThread } from "../query.ts";
import { divide } from "../scope.ts";
import { type Access, type Node, type Path, type Summary, visitNodes } from "../summary.ts";
import { add, eq, lt, not, numeral, printTerm, rename, scale, type Term, TRUE } from "../term.ts";
import { intervalPairs, type Pair } from "./intervals.ts";
import { apart, bothReach, isNamed, meet, namedThreads } from "./two-threads.ts";

/** Where the two threads are. */
type Where = "block" | "wave" | "other wave" | "grid";

const THREADS: Readonly<Record<Where, string>> = {
  block: "two threads of a block",
  wave: "two threads of a wave",
  "other wave": "threads of two waves of a block",
  grid: "threads of two blocks",
};

/** Threads of a wave, for proofs: what holds of 32 holds of 64. */
export const WAVE = 32n;

export function raceClaims(kernel: Kernel, summary: Summary, giveId: GiveId): readonly Claim[] {
  const waves = summary.barriers.some(({ scope }) => scope === "wave");
  const alike = alikeness(summary.accesses, segmentsOf(summary.nodes));
  const nodes = withAlike(summary.nodes, alike);
  const within = (scope: BarrierScope): readonly Pair[] => distinct(intervalPairs(nodes, scope).filter(conflicting));
  const written = [...new Set(summary.accesses.map(alike))].filter(({ space }) => space === "global");
  const acrossBlocks = written.flatMap((first, position) =>
    written.slice(position).flatMap((second): readonly Pair[] => {
      const pair: Pair = { first, second, together: [] };
      return conflicting(pair) ? [pair] : [];
    }),
  );
  return [
    ...within("block").map((pair) => raceClaim(kernel, summary, pair, waves ? "other wave" : "block", giveId)),
    ...(waves ? within("wave").map((pair) => raceClaim(kernel, summary, pair, "wave", giveId)) : []),
    ...acrossBlocks.map((pair) => raceClaim(kernel, summary, pair, "grid", giveId)),
  ];
}

function conflicting({ first, second }: Pair): boolean {
  return (
    first.array === second.array &&
    first.space !== "register" &&
    (first.write || second.write) &&
    !(first.atomic && second.atomic)
  );
}

/** How many barriers stand before each access in the text: between two of them, nothing else tells alike accesses apart. */
function segmentsOf(nodes: readonly Node[]): ReadonlyMap<Access, number> {
  const segments = new Map<Access, number>();
  let barriers = 0;
  visitNodes(nodes, (node) => {
    if (node.kind === "barrier") barriers++;
    else segments.set(node, barriers);
  });
  return segments;
}

/**
 * The first access between the same barriers that does the same under the same conditions in the same loops: what races
 * with one races with the other. Without this the pairs would grow with the square of a long kernel's statements.
 */
function alikeness(accesses: readonly Access[], segments: ReadonlyMap<Access, number>): (access: Access) => Access {
  const paths = new Map<Path, string>();
  const first = new Map<string, Access>();
  const representative = new Map<Access, Access>();
  for (const access of accesses) {
    const { path, array, space, write, atomic, lanes, index, loops, text } = access;
    const reached = paths.get(path) ?? path.map(({ kind, term }) => `${kind} ${printTerm(term)}`).join(" ");
    paths.set(path, reached);
    const where = [array, space, text, ...index.map(printTerm), ...loops.map(({ id }) => id)].join(" ");
    const key = `${segments.get(access)} ${write} ${atomic} ${lanes} ${where} ${reached}`;
    const known = first.get(key) ?? access;
    first.set(key, known);
    representative.set(access, known);
  }
  return (access) => representative.get(access) ?? access;
}

function withAlike(nodes: readonly Node[], alike: (access: Access) => Access): readonly Node[] {
  return nodes.map((node): Node => {
    switch (node.kind) {
      case "access":
        return alike(node);
      case "barrier":
        return node;
      case "branch":
        return { ...node, then: withAlike(node.then, alike), else: withAlike(node.else, alike) };
      case "loop":
        return { ...node, body: withAlike(node.body, alike) };
      default:
        node satisfies never;
        throw new InternalError("unknown node");
    }
  });
}

function distinct(pairs: readonly Pair[]): readonly Pair[] {
  const numbers = new Map<Access, number>();
  const numberOf = (access: Access): number => {
    const number = numbers.get(access) ?? numbers.size;
    numbers.set(access, number);
    return number;
  };
  const byKey = new Map<string, Pair>();
  for (const pair of pairs) {
    const loops = pair.together.map(({ id }) => id).join(",");
    const ahead = pair.ahead === undefined ? "" : `${pair.ahead.loop.id}${pair.ahead.next ? "+" : "*"}`;
    // Without an iteration between them the two threads are interchangeable.
    const ends = [numberOf(pair.first), numberOf(pair.second)];
    const order = pair.ahead === undefined ? ends.sort((a, b) => a - b) : ends;
    const key = `${order.join(" ")} ${loops} ${ahead}`;
    if (!byKey.has(key)) byKey.set(key, pair);
  }
  return [...byKey.values()];
}

function raceClaim(kernel: Kernel, summary: Summary, pair: Pair, where: Where, giveId: GiveId): Claim {
  const { first, second, together, ahead } = pair;
  const sameBlock = where !== "grid";
  const shared = new Set(together.filter((loop) => loop !== ahead?.loop).map(({ symbol }) => symbol));
  const renaming = secondThread(summary.scope, sameBlock, shared);
  const mine = threadNumber(kernel);
  const waveOf = (thread: Term): Term => divide(summary.scope, thread, numeral(WAVE)).quotient;
  // Both write one element, and that whoever writes it is the thread that is named is proved of each.
  const named = first.write && second.write ? namedThreads(kernel, summary, first.array)?.get(first) : undefined;
  const sameWave = where === "wave" || where === "other wave" ? eq(waveOf(mine), rename(waveOf(mine), renaming)) : TRUE;
  return {
    id: giveId("race", first.array),
    kind: "race",
    span: second.span,
    ...(first !== second && { related: [{ span: first.span, message: `the other access may ${describe(first)}` }] }),
    statement: `${THREADS[where]} never meet at ${describe(first)} and ${describe(second)} ${sameBlock ? "between barriers" : "in the launch"}`,
    failure: `${THREADS[where]} may ${describe(first)} and ${describe(second)} at the same time`,
    code: sameBlock ? "TK302" : "TK303",
    hypotheses: [
      ...bothReach(summary, first, second, renaming),
      ...(ahead ? [iterationsApart(ahead.loop.symbol, renaming(ahead.loop.symbol), ahead.loop.step, ahead.next)] : []),
      apart(sameBlock ? "thread" : "block", renaming),
      where === "other wave" ? not(sameWave) : sameWave,
      ...meet(first, second, renaming),
      ...(sameBlock && named !== undefined ? [isNamed(named), isNamed(named, renaming)] : []),
    ],
    renaming,
    replay: {
      faults: ["race"],
      array: first.array,
      acrossBlocks: !sameBlock,
      width: 64,
      loops: [...first.loops, ...second.loops],
      show: showIndex(first.index),
    },
    fix: sameBlock
      ? `put a barrier() between the two accesses, or give each thread its own element of ${first.array}`
      : `let each block write its own part of ${first.array}`,
  };
}

function describe({ write, atomic, text }: Access): string {
  return `${atomic ? "change" : write ? "write" : "read"} ${text}`;
}

/** The thread's number in its block, x fastest. */
export function threadNumber({ block: [x, y] }: Kernel): Term {
  return add(add("thread.x", scale(x, "thread.y")), scale(x * y, "thread.z"));
}

function iterationsApart(first: string, second: string, step: bigint, next: boolean): Term {
  const following = add(first, numeral(step));
  return next ? eq(second, following) : lt(first, second);
}
