/** How far an expression has grown by what is put in place of names and calls; see expand.ts. */

import type { Expr } from "../../ir/kernel/expr.ts";

export interface Size {
  /** Arguments counted wherever they stand. */
  readonly nodes: number;
  readonly depth: number;
}

export interface Growth {
  /** Functions and constants expanded since the outermost one. */
  expansions: number;
  readonly sizes: WeakMap<Expr, Size>;
}

export function createGrowth(): Growth {
  return { expansions: 0, sizes: new WeakMap() };
}
