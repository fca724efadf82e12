/**
 * Operations on packed weights: rows of w [E, N, K] in panels of PANEL, each of which has the PANEL values of one k side by side.
 *
 * A product reads a panel from its beginning to its end, and finds what it multiplies by one element of x in one vector. The rows of
 * the last panel that w does not have are 0.
 */

import type { ValueId } from "./types.ts";

/** Rows of w in a panel, which are as many columns of the product: two vectors of AVX-512, or four of AVX2. */
export const PANEL = 32;

export interface PanelFields {
  /** y[e,p,k,c] = w[e,PANEL·p+c,k] where there is such a row, else 0; w [E, N, K] → [E, ⌈N/PANEL⌉, K, PANEL] */
  readonly "pack-panels": { readonly w: ValueId };
  /** y[e,n,k] = w[e,⌊n/PANEL⌋,k,n mod PANEL] for n < columns; w [E, P, K, PANEL] → [E, columns, K] */
  readonly "unpack-panels": { readonly w: ValueId; readonly columns: number };
}

export type PanelKind = keyof PanelFields;
