/** The tables of one or more launches: expressions, and what is known of their normal forms. */

import { type Equality, equality } from "./expand.ts";
import { Forms } from "./forms.ts";
import { Reals } from "./reals.ts";

export interface Tables extends Equality {
  readonly reals: Reals;
  /** Expressions and terms made so far. */
  readonly size: () => number;
}

export function freshTables(): Tables {
  const [reals, forms] = [new Reals(), new Forms()];
  return { reals, ...equality(reals, forms), size: () => reals.nodes.length + forms.size };
}
