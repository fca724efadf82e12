/** What top-k chooses, as expressions: conditions on ranks, and the chosen as a list. */

import { type Elements, range } from "../../ir/tensor/arithmetic.ts";
import type { Real, Reals } from "./reals.ts";

/** For each entry of a row whether it is one of the k largest: fewer than k are ahead of it. */
export function amongLargest(reals: Reals, row: readonly Real[], k: number): readonly Real[] {
  return row.map((value, e) => {
    const ahead = row.map((other, j) => (j === e ? reals.zero : isAhead(reals, other, value, j < e)));
    return reals.positiveInteger(
      reals.subtract(
        reals.constant(k),
        ahead.reduce((sum, one) => reals.add(sum, one), reals.zero),
      ),
    );
  });
}

interface Choice {
  readonly expert: Real;
  readonly gate: Real;
}

/** The k largest of each row in ascending order: the s-th is the one that s others come before. */
export function chosenByRow(reals: Reals, p: Elements<Real>, k: number): readonly (readonly Choice[])[] {
  const [rows = 0, experts = 0] = p.shape;
  return range(rows).map((b) => {
    const row = p.elements.slice(b * experts, (b + 1) * experts);
    const chosen = amongLargest(reals, row, k);
    return range(k).map((s) => {
      let [expert, gate, before] = [reals.zero, reals.zero, reals.zero];
      for (const [e, value] of row.entries()) {
        const own = chosen[e] ?? reals.zero;
        const condition = reals.and(own, reals.equalIntegers(before, reals.constant(s)));
        expert = reals.select(condition, reals.constant(e), expert);
        gate = reals.select(condition, value, gate);
        before = reals.add(before, own);
      }
      return { expert, gate };
    });
  });
}

/** [other > value], or [other ≥ value] where a tie puts the other first. */
function isAhead(reals: Reals, other: Real, value: Real, winsTies: boolean): Real {
  return winsTies
    ? reals.not(reals.positive(reals.subtract(value, other)))
    : reals.positive(reals.subtract(other, value));
}
