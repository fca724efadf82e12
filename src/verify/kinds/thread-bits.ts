/**
 * The bits of a thread's index, for queries about what quotients and remainders of it are.
 *
 *   0 ≤ x < 2ⁿ  ⇒  there are bits with x = Σ 2ⁱ·bitᵢ, 0 ≤ bitᵢ ≤ 1        (i < n)
 *
 * That a thread's index is within its block is assumed wherever there is a thread, so that naming its bits assumes nothing more. A
 * division by a power of two then shows by its form what it is (`digits.ts`), however deep it is nested: a solver that has
 * to find the lanes of one phase in `mod(mod(thread.x, 32), 8)` finds them one cut after another, for minutes.
 */

import type { Kernel } from "../../ir/kernel/types.ts";
import { areBits, declareBits } from "../bits.ts";
import { digitLemmas } from "../digits.ts";
import type { Renaming } from "../query.ts";
import type { Summary } from "../summary.ts";
import { eq, rename, type Term } from "../term.ts";

/**
 * What the divisions that the terms rest on are, for the thread and for the one of `renaming`; nothing where there are none. The
 * two are of one group, of so many consecutive threads from a multiple of them on: where that is a power of two, and so are the
 * rows of the block, the higher bits of their numbers are the same symbols.
 */
export function threadBits(
  { block }: Kernel,
  { scope }: Summary,
  terms: readonly Term[],
  { renaming, group }: { readonly renaming: Renaming; readonly group: bigint },
): readonly Term[] {
  const sums = new Map<string, Term>();
  const bits: string[] = [];
  let stride = 1n;
  // Bits of the indices are bits of the thread's number where each index but the last follows powers of two.
  const used = block.findLastIndex((extent) => extent > 1n);
  const binary = isPower(group) && block.every((extent, axis) => axis >= used || isPower(extent));
  for (const [axis, extent] of block.entries()) {
    const index = `thread.${"xyz"[axis]}`;
    const first = stride;
    const { sum, names } = declareBits(scope, extent, (weight) => {
      const shared = binary && first * weight >= group;
      return { name: `${index}.${shared ? "shared" : "own"}.${weight}`, owner: shared ? "launch" : "thread" };
    });
    bits.push(...names);
    if (extent > 1n) sums.set(index, sum);
    stride *= extent;
  }
  const both: readonly Renaming[] = [(symbol) => symbol, renaming];
  return both.flatMap((other) => {
    const known = new Map([...sums].map(([index, sum]) => [other(index), rename(sum, other)]));
    const lemmas = digitLemmas(scope, terms, { other, known, bits: new Set(bits.map(other)) });
    if (lemmas.length === 0) return [];
    return [...[...known].map(([index, sum]) => eq(index, sum)), ...areBits(bits.map(other)), ...lemmas];
  });
}

function isPower(value: bigint): boolean {
  return value > 0n && (value & (value - 1n)) === 0n;
}
