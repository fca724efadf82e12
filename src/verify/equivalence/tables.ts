/** The tables of one or more launches: expressions, and what is known of their normal forms. */

import { type Equality, equality } from "./expand.ts";
import { Forms } from "./forms.ts";
import { Reals } from "./reals.ts";

export interface Tables extends Equality {
  readonly reals: Reals;
  /** Expressions and terms made so far. */
  readonly size: () => number;
}

/** A sum of more terms than this is one term where it is multiplied by a constant. */
export const LONG_SUM = 8;

/** `longSum`: beyond how many terms a sum is one term where it is multiplied by a constant. */
export function freshTables({ longSum = LONG_SUM } = {}): Tables {
  const [reals, forms] = [new Reals(), new Forms(longSum)];
  return { reals, ...equality(reals, forms), size: () => reals.nodes.length + forms.size };
}
