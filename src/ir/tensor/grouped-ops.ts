/**
 * Operations of the path back through grouped-linear: rows are sorted by expert, and those of expert e are the ones from
 * offsets[e] to below offsets[e+1].
 */

import type { ValueId } from "./types.ts";

export interface GroupedFields {
  /** y[p,k] = Σₙ x[p,n]·w[expert[p],n,k] */
  readonly "grouped-matmul-nn": {
    readonly x: ValueId;
    readonly w: ValueId;
    readonly offsets: ValueId;
    readonly expert: ValueId;
  };
  /** z[e,n,k] = Σ x[p,n]·y[p,k] over the rows p of expert e; 0 where it has none. */
  readonly "grouped-matmul-tn": { readonly x: ValueId; readonly y: ValueId; readonly offsets: ValueId };
  /** y[e,n] = Σ x[p,n] over the rows p of expert e; 0 where it has none. */
  readonly "grouped-column-sum": { readonly x: ValueId; readonly offsets: ValueId };
}

export type GroupedKind = keyof GroupedFields;
