/**
 * Row text → training, validation or test.
 *
 * The split is a function of the row's text alone: it does not change when rows are reordered, added or removed, and
 * equal rows fall on the same side, so that no test row has been trained on.
 */

import { sha256 } from "../support/hash.ts";

export const TRAIN = 0;
export const VALIDATION = 1;
export const TEST = 2;

/**
 * The first 32 bits of SHA-256 of the UTF-8 text, as a fraction of 2³²: below 0.8 training, below 0.9 validation, else
 * test.
 */
export function splitOf(rowText: string): typeof TRAIN | typeof VALIDATION | typeof TEST {
  const fraction = Number.parseInt(sha256(rowText).slice(0, 8), 16) / 2 ** 32;
  return fraction < 0.8 ? TRAIN : fraction < 0.9 ? VALIDATION : TEST;
}
