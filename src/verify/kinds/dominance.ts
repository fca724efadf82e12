/**
 * Dominance: which writes are performed before a read, for each read of a kernel.
 *
 * The kernel's structure is walked in program order. A write counts for a read of
 *   - the same thread, when it comes earlier in the program;
 *   - any thread of the block, when besides a block barrier lies between the two on every way;
 *   - any thread of the reader's wave, when a wave barrier does.
 * Within a loop around both, they are in the same iteration, or the write is in the previous one: then its counter is one
 * step less. (That the write's own conditions hold is not asked here.)
 */

import type { BarrierScope } from "../../ir/kernel/types.ts";
import { InternalError } from "../../support/result.ts";
import type { Access, LoopContext, Node } from "../summary.ts";

export interface Earlier {
  readonly write: Access;
  readonly by: "same thread" | "same wave" | "any thread";
  /** The loop of whose previous iteration the write is. */
  readonly previous?: LoopContext;
}

interface Flow {
  /** Writes of this thread so far. */
  before: readonly Earlier[];
  /** Writes that a barrier has made visible to all threads of the block. */
  settled: readonly Earlier[];
}

export function earlierWrites(nodes: readonly Node[]): ReadonlyMap<Access, readonly Earlier[]> {
  const found = new Map<Access, readonly Earlier[]>();
  walk(nodes, { before: [], settled: [] }, found);
  return found;
}

function walk(nodes: readonly Node[], flow: Flow, found: Map<Access, readonly Earlier[]>): void {
  for (const node of nodes) {
    switch (node.kind) {
      case "access":
        if (!node.write || node.atomic) {
          const own = (earlier: Earlier): boolean => earlier.write.array === node.array;
          found.set(node, [...flow.settled.filter(own), ...flow.before.filter(own)]);
        }
        // An atomic change needs a value to be there, and so makes no value where none was.
        if (node.write && !node.atomic) flow.before = [...flow.before, { write: node, by: "same thread" }];
        break;
      case "barrier":
        flow.settled = union(
          flow.settled,
          flow.before.map((earlier) => settle(earlier, node.scope)),
        );
        break;
      case "branch": {
        const then: Flow = { ...flow };
        const otherwise: Flow = { ...flow };
        walk(node.then, then, found);
        walk(node.else, otherwise, found);
        const [a, b] = [then.settled, otherwise.settled];
        // What is settled in one branch only: its own writes keep the branch's conditions, others count if both settle them.
        const own = (list: readonly Earlier[], outside: Flow): readonly Earlier[] =>
          list.filter(({ write }) => !outside.before.some((earlier) => earlier.write === write));
        const both = a.filter((earlier) => b.some((other) => same(earlier, other)));
        flow.settled = union(both, union(own(a, flow), own(b, flow)));
        flow.before = union(then.before, otherwise.before);
        break;
      }
      case "loop": {
        // Once through the body to learn what an iteration leaves behind for the next one.
        const first: Flow = { ...flow };
        walk(node.body, first, new Map());
        const inside = (list: readonly Earlier[]): readonly Earlier[] =>
          list.flatMap((earlier): readonly Earlier[] =>
            earlier.previous === undefined && earlier.write.loops.includes(node.context)
              ? [{ ...earlier, previous: node.context }]
              : [],
          );
        const second: Flow = {
          before: union(flow.before, inside(first.before)),
          // Only a loop that the block, or the wave, runs in step has one previous iteration for all its threads.
          settled: union(flow.settled, inside(inStep(first.settled, node.context))),
        };
        walk(node.body, second, found);
        // After the loop, its writes count with iterations of their own; it may have run none.
        flow.before = union(flow.before, first.before);
        const left = first.settled.filter(({ write }) => write.loops.includes(node.context));
        flow.settled = union(flow.settled, inStep(left, node.context));
        break;
      }
      default:
        node satisfies never;
        throw new InternalError("unknown node");
    }
  }
}

function settle(earlier: Earlier, scope: BarrierScope): Earlier {
  return { ...earlier, by: scope === "block" ? "any thread" : "same wave" };
}

/** What the threads that run the loop in step may rely on. */
function inStep(list: readonly Earlier[], { aligned, waveAligned }: LoopContext): readonly Earlier[] {
  return list.filter(({ by }) => (by === "same wave" ? waveAligned : aligned));
}

function same(a: Earlier, b: Earlier): boolean {
  return a.write === b.write && a.by === b.by && a.previous === b.previous;
}

function union(first: readonly Earlier[], second: readonly Earlier[]): readonly Earlier[] {
  return [...first, ...second.filter((earlier) => !first.some((known) => same(known, earlier)))];
}
