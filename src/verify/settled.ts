/**
 * Settled reads: integers that threads of a block read of shared memory while nobody writes it.
 *
 * In: the reads and writes of shared arrays, in the order of execution, with the barriers between them. Out: a fact for
 * each read of an array that no access between the same barriers writes: its value is a function of the block, of the
 * iterations of the loops around it and of the index. So two threads that read one element agree on it.
 *
 * Why it is valid: a thread comes to one place of the text at most once for each combination of iterations, and threads of
 * a block that come there in the same iterations have passed the same barriers, or a barrier has diverged, which is an
 * obligation of its own. (The first barrier that diverges is decided by what was read before, of which the fact is true.)
 * Between two barriers without a write the contents do not change. Each place has a function of its own, so that nothing
 * follows for reads at two places, which barriers and writes may part.
 *
 * An interval is what lies between two barriers of a block, as a number. Where control flow leads from one piece of text to
 * another without a barrier, both are in one interval: the ends of two branches, and the start, the end and the
 * surroundings of a loop's body. Wave barriers end none.
 */

import { InternalError } from "../support/result.ts";
import type { Scope } from "./scope.ts";
import type { LoopContext } from "./summary.ts";
import { eq, printTerm, type Term } from "./term.ts";

/** An integer read of a shared array, and the symbol that its value has. */
interface SharedRead {
  readonly array: string;
  readonly index: readonly Term[];
  readonly value: Term;
  readonly loops: readonly LoopContext[];
  readonly interval: number;
}

export interface Intervals {
  /** The interval that execution is in. */
  current: number;
  /** Interval → one that it is part of; the first of all is part of itself. */
  readonly parents: number[];
  readonly reads: SharedRead[];
  readonly writes: { readonly array: string; readonly interval: number }[];
}

const BLOCK: readonly Term[] = ["block.x", "block.y", "block.z"];

export function newIntervals(): Intervals {
  return { current: 0, parents: [0], reads: [], writes: [] };
}

/** A barrier of the block: a new interval begins. */
export function passBarrier(intervals: Intervals): void {
  intervals.current = intervals.parents.length;
  intervals.parents.push(intervals.current);
}

/** Control flow leads from one of the intervals to the other without a barrier. */
export function joinIntervals(intervals: Intervals, first: number, second: number): void {
  intervals.parents[wholeOf(intervals, first)] = wholeOf(intervals, second);
}

export function noteSharedRead(intervals: Intervals, read: Omit<SharedRead, "interval">): void {
  intervals.reads.push({ ...read, interval: intervals.current });
}

export function noteSharedWrite(intervals: Intervals, array: string): void {
  intervals.writes.push({ array, interval: intervals.current });
}

/** States what is known of settled reads, once the whole kernel has been executed. */
export function stateSettled(scope: Scope, intervals: Intervals): void {
  const keyOf = (array: string, interval: number): string => `${wholeOf(intervals, interval)} ${array}`;
  const written = new Set(intervals.writes.map(({ array, interval }) => keyOf(array, interval)));
  for (const { array, index, value, loops, interval } of intervals.reads) {
    if (written.has(keyOf(array, interval))) continue;
    const symbol = printTerm(value);
    const name = `settled.${symbol}`;
    const args = [...BLOCK, ...loops.map((loop): Term => loop.symbol), ...index];
    scope.functions.set(name, { name, tensor: name, arity: args.length });
    scope.facts.push({ defines: [symbol], term: eq(value, [name, ...args]) });
  }
}

/** The interval that stands for all that are one with it. */
function wholeOf({ parents }: Intervals, interval: number): number {
  let whole = interval;
  for (;;) {
    const parent = parents[whole];
    if (parent === undefined) throw new InternalError(`no interval ${whole}`);
    if (parent === whole) return whole;
    whole = parent;
  }
}
