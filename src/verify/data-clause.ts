/**
 * Data clauses: conditions on the contents of index tensors (`requires`, `ensures`), as queries use them.
 *
 * No query has a quantifier: a clause is instantiated at the elements that a query mentions.
 */

import type { DataCondition } from "../ir/kernel/types.ts";
import type { Access } from "./summary.ts";
import type { Term } from "./term.ts";

/** A condition on data, at given values of its variables. */
export interface DataClause {
  readonly source: DataCondition;
  readonly text: string;
  /** Under the conditions 0 ≤ variable < extent, what holds of these values; `elements` replaces array elements. */
  readonly instance: (values: readonly Term[], elements?: ElementTerms) => Term;
  /** The extent of each variable. */
  readonly extents: readonly Term[];
  /** The elements that the condition reads at the given values, each under the path on which it is read. */
  readonly reads: (values: readonly Term[], elements?: ElementTerms) => readonly Access[];
  /** The elements that the condition mentions, for instances at the terms of a query. */
  readonly patterns: readonly Pattern[];
}

/** What an element of a written array is, by the array's name and the element's index. */
export type ElementTerms = (array: string, index: readonly Term[], ordinal: number) => Term | undefined;

/** An element `array[v + offset]…`: which variable stands at which axis. Axes of another form are absent. */
export interface Pattern {
  readonly array: string;
  readonly axes: readonly { readonly axis: number; readonly variable: number; readonly offset: bigint }[];
}
