/** Integers by their bits, which are symbols of their own: Σ 2ᵏ·bitₖ with 0 ≤ bitₖ ≤ 1. */

import { declare, type Owner, type Scope } from "./scope.ts";
import { add, le, scale, type Term } from "./term.ts";

export interface Bits {
  readonly sum: Term;
  readonly names: readonly string[];
  /** Above the weight of each bit: 2ⁿ of n bits. */
  readonly end: bigint;
}

/** As many bits as numbers below `extent` have; `infoOf` names the one of a weight and says whose it is. */
export function declareBits(
  scope: Scope,
  extent: bigint,
  infoOf: (weight: bigint) => { readonly name: string; readonly owner: Owner },
): Bits {
  let sum: Term = "0";
  const names: string[] = [];
  let end = 1n;
  for (; end < extent; end *= 2n) {
    const { name, owner } = infoOf(end);
    declare(scope, { name, sort: "Int", owner });
    names.push(name);
    sum = add(sum, scale(end, name));
  }
  return { sum, names, end };
}

/** Each is 0 or 1. */
export function areBits(names: readonly string[]): readonly Term[] {
  return names.flatMap((name) => [le("0", name), le(name, "1")]);
}
