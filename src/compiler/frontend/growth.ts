/** How far an expression has grown by what is put in place of names and calls; see expand.ts. */

import type { Expr } from "../../ir/kernel/types.ts";

export interface Growth {
  /** Functions and constants expanded since the outermost one. */
  expansions: number;
  /** Nodes of each expression, arguments counted wherever they stand. */
  readonly sizes: WeakMap<Expr, number>;
}

export function createGrowth(): Growth {
  return { expansions: 0, sizes: new WeakMap() };
}
