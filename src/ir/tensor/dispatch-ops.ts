/**
 * Operations of sparse dispatch: each row is given to K experts, and what an expert works on are its own rows alone.
 *
 * An *assignment* is a row with one of its experts: B rows have T = K·B assignments, those of row b from b·K on. Sorted by
 * expert they stand in *places*; in a group, which is an expert's places, they keep their order.
 */

import type { ValueId } from "./types.ts";

export interface DispatchFields {
  /** ids[b·k+s] = the s-th in ascending order of the k experts that `top-k` chooses for row b; of i32, as all row numbers. */
  readonly "top-k-experts": { readonly p: ValueId; readonly k: number };
  /** gates[b,s] = p[b,e], where e is the s-th expert of row b in `top-k-experts`. */
  readonly "top-k-gates": { readonly p: ValueId; readonly k: number };
  /** y = x/Σx, over the last axis. */
  readonly "normalise-rows": { readonly x: ValueId };
  /** counts[e] = #{t : ids[t] = e} for e < experts, with 0 ≤ ids[t] < experts. */
  readonly "expert-counts": { readonly ids: ValueId; readonly experts: number };
  /** offsets[e] = Σ counts[f] over f < e, and offsets[E] = T, where counts are those of ids. */
  readonly "expert-offsets": { readonly ids: ValueId; readonly counts: ValueId };
  /** position[t] = offsets[ids[t]] + #{s < t : ids[s] = ids[t]}: the place of assignment t. */
  readonly "token-positions": { readonly ids: ValueId; readonly offsets: ValueId };
  /** expert[p] = the e with offsets[e] ≤ p < offsets[e+1], for each of as many places as there are ids. */
  readonly "slot-experts": { readonly ids: ValueId; readonly offsets: ValueId };
  /** source[position[t]] = t: the assignment that stands at each place. */
  readonly "token-sources": { readonly ids: ValueId; readonly offsets: ValueId; readonly expert: ValueId };
  /** y[p,n] = x[⌊source[p]/k⌋,n]: the row of x that assignment source[p] is of, with 0 ≤ source[p] < k·rows. */
  readonly "gather-assignments": { readonly x: ValueId; readonly source: ValueId; readonly k: number };
}

export type DispatchKind = keyof DispatchFields;
