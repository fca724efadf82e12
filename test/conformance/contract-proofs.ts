/** What proofs would say of the kernels in the test of contracts, which makes none: their widths, and what follows. */

import type { Kernel } from "../../src/ir/kernel/types.ts";
import { visitExpr } from "../../src/ir/kernel/walk.ts";

/** The widths that a proof would leave: a check that adds elements up does so in 64 bits alone. */
export function widthsOf({ name, indexWidth }: Kernel, written: readonly Kernel[]): readonly (32 | 64)[] {
  if (indexWidth === "i32") return [32];
  const source = written.find((kernel) => `${kernel.name}_check` === name);
  let sums = false;
  for (const { condition } of source?.dataRequires ?? []) {
    visitExpr(condition, (part) => {
      if (part.kind === "ghost" && part.fn === "prefix-sum") sums = true;
    });
  }
  return sums ? [64] : [32, 64];
}

/** Conditions that follow from the others, so that no data breaks them alone, and why. A proof needs them all the same. */
export const IMPLIED: Readonly<Record<string, readonly string[]>> = {
  // The condition before it makes `position` one to one, and so `source` its inverse from both sides.
  scatter_rows: ["forall([T], (p) => 0 <= source[p] && source[p] < T && position[source[p]] === p)"],
  // Each offset is the one before it and a number of occurrences, which is not negative.
  token_positions: ["forall([E + 1, E + 1], (e_2, f) => !(e_2 <= f) || offsets[e_2] <= offsets[f])"],
  token_sources: ["forall([E + 1, E + 1], (e_2, f) => !(e_2 <= f) || offsets[e_2] <= offsets[f])"],
};
