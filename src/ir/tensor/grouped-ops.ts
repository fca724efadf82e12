/**
 * Operations of the path back through sparse dispatch: rows are sorted by expert, and those of expert e are the ones from
 * offsets[e] to below offsets[e+1]. Assignment b·K+s, of row b, stands at place position[b·K+s]; source is the inverse.
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
  /** z[e,n] = Σ x[p,n]·y[p,n] over the rows p of expert e; 0 where it has none. */
  readonly "grouped-column-dot": { readonly x: ValueId; readonly y: ValueId; readonly offsets: ValueId };
  /** dx of grouped-layer-norm: that of layer-norm for each row p, with gamma[expert[p]]. */
  readonly "grouped-layer-norm-dx": {
    readonly x: ValueId;
    readonly gamma: ValueId;
    readonly dy: ValueId;
    readonly expert: ValueId;
    readonly epsilon: number;
  };
  /**
   * dparts of combine-rows: y[p,n] = gates[b,s]·dy[b,n] where source[p] = b·K+s and gates[b,s] ≠ 0, and 0 elsewhere: 0·∞ does
   * not appear.
   */
  readonly "combine-rows-dparts": { readonly gates: ValueId; readonly dy: ValueId; readonly source: ValueId };
  /** dgates of combine-rows: y[b,s] = Σₙ dy[b,n]·parts[position[b·K+s],n] where gates[b,s] ≠ 0, and 0 elsewhere. */
  readonly "combine-rows-dgates": {
    readonly gates: ValueId;
    readonly parts: ValueId;
    readonly dy: ValueId;
    readonly position: ValueId;
  };
  /** dp of top-k-gates, at a choice that does not change: dp[b,e] = Σ dgates[b,s] over the s with ids[b·K+s] = e < experts. */
  readonly "top-k-gates-dp": { readonly dgates: ValueId; readonly ids: ValueId; readonly experts: number };
  /** dx of normalise-rows from its result y: dx = (dy − Σ dy·y)/Σ x, over the last axis. */
  readonly "normalise-rows-dx": { readonly x: ValueId; readonly y: ValueId; readonly dy: ValueId };
}

export type GroupedKind = keyof GroupedFields;
