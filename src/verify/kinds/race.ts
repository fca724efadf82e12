/**
 * Race: no two threads touch the same location, at least one writing, unless a barrier orders them.
 *
 * - Threads of one block: each pair of accesses within a barrier interval (`intervals.ts`), to shared or global memory.
 * - Threads of different blocks: each pair of accesses to global memory anywhere in the launch; no barrier orders them.
 *
 * Writes of equal values are races. Tensors are pairwise disjoint (the launcher checks it), so that accesses to
 * different arrays never meet. Indices are compared dimension by dimension: that each is within its axis is the bounds
 * obligation of the access.
 */

import type { Claim, GiveId } from "../claim.ts";
import { secondThread } from "../query.ts";
import type { Access, Summary } from "../summary.ts";
import { add, eq, lt, not, numeral, or, rename, type Term } from "../term.ts";
import { baseAssumptions } from "./assumptions.ts";
import { intervalPairs, type Pair } from "./intervals.ts";

export function raceClaims(summary: Summary, giveId: GiveId): readonly Claim[] {
  const sameBlock = intervalPairs(summary.nodes).filter(conflicting);
  const written = summary.accesses.filter(({ space }) => space === "global");
  const acrossBlocks = written.flatMap((first, position) =>
    written.slice(position).flatMap((second): readonly Pair[] => {
      const pair: Pair = { first, second, together: [] };
      return conflicting(pair) ? [pair] : [];
    }),
  );
  return [
    ...distinct(sameBlock).map((pair) => raceClaim(summary, pair, true, giveId)),
    ...acrossBlocks.map((pair) => raceClaim(summary, pair, false, giveId)),
  ];
}

function conflicting({ first, second }: Pair): boolean {
  return first.array === second.array && first.space !== "register" && (first.write || second.write);
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

function raceClaim(summary: Summary, pair: Pair, sameBlock: boolean, giveId: GiveId): Claim {
  const { first, second, together, ahead } = pair;
  const shared = new Set(together.filter((loop) => loop !== ahead?.loop).map(({ symbol }) => symbol));
  const renaming = secondThread(summary.scope, sameBlock, shared);
  const base = baseAssumptions(summary);
  const meet = first.index.map((index, axis) => eq(index, rename(second.index[axis] ?? "0", renaming)));
  const where = sameBlock ? "two threads of a block" : "threads of two blocks";
  return {
    id: giveId("race", first.array),
    kind: "race",
    span: second.span,
    statement: `${where} never meet at ${describe(first)} and ${describe(second)} ${sameBlock ? "between barriers" : "in the launch"}`,
    failure: `${where} may ${describe(first)} and ${describe(second)} at the same time`,
    code: sameBlock ? "TK302" : "TK303",
    hypotheses: [
      ...base,
      ...base.map((term) => rename(term, renaming)),
      ...first.path,
      ...second.path.map((term) => rename(term, renaming)),
      ...(ahead ? [iterationsApart(ahead.loop.symbol, renaming(ahead.loop.symbol), ahead.loop.step, ahead.next)] : []),
      apart(sameBlock ? "thread" : "block", renaming),
      ...meet,
    ],
    renaming,
    replay: {
      faults: ["race"],
      array: first.array,
      width: 64,
      loops: [...first.loops, ...second.loops],
      show: first.index.map((term, axis) => ({
        label: first.index.length > 1 ? `index of axis ${axis}` : "index",
        term,
      })),
    },
    fix: sameBlock
      ? `put a barrier() between the two accesses, or give each thread its own element of ${first.array}`
      : `let each block write its own part of ${first.array}`,
  };
}

function describe({ write, text }: Access): string {
  return `${write ? "write" : "read"} ${text}`;
}

/** The two differ in at least one of their indices. */
function apart(of: "thread" | "block", renaming: (symbol: string) => string): Term {
  return or(...["x", "y", "z"].map((axis) => not(eq(`${of}.${axis}`, renaming(`${of}.${axis}`)))));
}

function iterationsApart(first: string, second: string, step: bigint, next: boolean): Term {
  const following = add(first, numeral(step));
  return next ? eq(second, following) : lt(first, second);
}
