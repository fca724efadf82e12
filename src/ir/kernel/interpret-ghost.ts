/**
 * What specifications read: elements, and the ghost functions of an index tensor's contents.
 *
 * Such a read is no access of a thread: it takes part in no race. Outside its array it has no value, and neither has the
 * specification. The run ends where a value is beyond what a double holds, or one that is not known because iterations
 * have been left out.
 */

import { InternalError } from "../../support/result.ts";
import type { GhostExpr } from "./expr.ts";
import { compilePeek, compilePlace, type NumberCode, type RunArray } from "./interpret-arrays.ts";
import { type FaultSite, type Machine, report, Stopped, tick, Unspecified } from "./interpret-machine.ts";
import { printExpr } from "./print.ts";

/** Reads an element for a specification at `site`. */
export function compileSpecificationLoad(
  machine: Machine,
  array: RunArray,
  index: readonly NumberCode[],
  site: FaultSite,
): NumberCode {
  const address = compilePlace(machine, array, index, site, "reads");
  const value = compileElement(machine, array);
  return () => {
    const at = address();
    if (at < 0) throw new Unspecified();
    return value(at);
  };
}

/** The integer at an address within bounds. */
function compileElement(machine: Machine, array: RunArray): ElementCode {
  const peek = compilePeek(machine, array);
  return (address) => {
    const value = peek(address);
    if (value === undefined || !Number.isSafeInteger(value)) throw new Stopped("run");
    return value;
  };
}

type ElementCode = (address: number) => number;

/** Evaluates a ghost function; a count beyond the array's end is a fault. */
export function compileGhost(
  machine: Machine,
  array: RunArray,
  expr: GhostExpr,
  [count, ...rest]: readonly NumberCode[],
  site: FaultSite,
): NumberCode {
  if (count === undefined) throw new InternalError(`${expr.fn} without a count`);
  const [length = 0] = array.shape;
  const read = compileElement(machine, array);
  // Each element is looked at once, and costs what a statement does: a count may go over 2³¹ of them.
  const element: ElementCode = (address) => {
    tick(machine, 1);
    return read(address);
  };
  const apply = ghostFunction(machine, expr, element, rest);
  return () => {
    const end = count();
    if (end < 0 || end > length) {
      const message = (): string => `evaluates ${printExpr(expr)} up to ${end} of ${length} elements`;
      report(machine, "bounds", site, message, { array: array.name });
      throw new Unspecified();
    }
    return apply(end);
  };
}

/** The function of the number of elements that count. The array is an `input`: what has been read of it stays so. */
function ghostFunction(
  machine: Machine,
  expr: GhostExpr,
  element: ElementCode,
  [value]: readonly NumberCode[],
): ElementCode {
  switch (expr.fn) {
    case "prefix-sum": {
      const sums = [0];
      return (end) => {
        for (let next = sums.length; next <= end; next++) sums.push((sums[next - 1] ?? 0) + element(next - 1));
        const sum = sums[end] ?? 0;
        if (!Number.isSafeInteger(sum)) throw new Stopped("run");
        return sum;
      };
    }
    case "occurrences": {
      if (value === undefined) throw new InternalError("occurrences without a value");
      // Per value the positions where it occurs, ascending, among the elements seen so far.
      const positions = new Map<number, number[]>();
      let seen = 0;
      return (end) => {
        for (; seen < end; seen++) {
          const found = element(seen);
          const known = positions.get(found);
          if (known === undefined) positions.set(found, [seen]);
          else known.push(seen);
        }
        return countBelow(positions.get(value()) ?? [], end);
      };
    }
    case "below": {
      if (value === undefined) throw new InternalError("below without a value");
      const seen: number[] = [];
      return (end) => {
        while (seen.length < end) seen.push(element(seen.length));
        const limit = value();
        // Each call looks at all of them again.
        tick(machine, end);
        let count = 0;
        for (let j = 0; j < end; j++) if ((seen[j] ?? limit) < limit) count++;
        return count;
      };
    }
    case "nth-occurrence":
      throw new InternalError(`${printExpr(expr)} outside of covers, which no run evaluates`);
    default:
      expr.fn satisfies never;
      throw new InternalError("unknown ghost function");
  }
}

/** How many of the ascending numbers are below `end`. */
function countBelow(ascending: readonly number[], end: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? end) < end) low = middle + 1;
    else high = middle;
  }
  return low;
}
