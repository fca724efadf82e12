/**
 * The bits of an element's index in shared memory, for queries about the thread that wrote it.
 *
 *   i = 2ⁿ·high + Σ 2ᵏ·bitₖ, 0 ≤ bitₖ ≤ 1        (k < n; every integer has binary digits)
 *
 * The writer's number is put together from quotients and remainders of the index, and its own index from quotients and remainders
 * of its number. By the bits each of these shows by its form what it is (`digits.ts`), so that the solver compares sums of bits;
 * without them it finds digit after digit by cuts.
 */

import { areBits, declareBits } from "./bits.ts";
import { declare, type Scope } from "./scope.ts";
import type { Access } from "./summary.ts";
import { add, eq, numeralValue, scale, type Term } from "./term.ts";

export interface NamedElement {
  /** The index on each axis: a symbol where it has bits. */
  readonly index: readonly Term[];
  /** What the symbols are. */
  readonly hypotheses: readonly Term[];
  /** Each symbol as the sum of its bits. */
  readonly known: ReadonlyMap<string, Term>;
  readonly bits: ReadonlySet<string>;
}

/** Names the bits on the axes of shared memory; other memory has no extents to count them by. */
export function nameElement(scope: Scope, { array, space, extent }: Access, index: readonly Term[]): NamedElement {
  const hypotheses: Term[] = [];
  const known = new Map<string, Term>();
  const bits = new Set<string>();
  const named = index.map((term, axis): Term => {
    const size = numeralValue(extent[axis] ?? "0");
    if (space !== "shared" || size === undefined || size < 2n || numeralValue(term) !== undefined) return term;
    const name = `element.${array}.${axis}`;
    const own = declareBits(scope, size, (weight) => ({ name: `${name}.bit.${weight}`, owner: "launch" }));
    const high = declare(scope, { name: `${name}.high`, sort: "Int", owner: "launch" });
    const sum = add(own.sum, scale(own.end, high));
    for (const bit of own.names) bits.add(bit);
    hypotheses.push(...areBits(own.names));
    known.set(name, sum);
    hypotheses.push(eq(name, term), eq(name, sum));
    return declare(scope, { name, sort: "Int", owner: "launch" });
  });
  return { index: named, hypotheses, known, bits };
}
