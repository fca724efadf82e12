/**
 * The order in which an epoch takes the rows: a function of the seed and the epoch alone, so that a run can be taken up at
 * any epoch without its history.
 *
 * Fisher and Yates's shuffle, with numbers of Philox4x32-10 (`initialise.ts`) under the seed. A place among n rows is the
 * upper part of word·n, which prefers some of n places by a share of n/2³² at most.
 */

import { philox } from "../../support/philox.ts";
import { nameWords, seedKey } from "../initialise.ts";

/** A permutation of 0 to `rows` − 1; `epoch` counts from 1. */
export function epochOrder(rows: number, seed: bigint, epoch: number): Int32Array {
  const order = Int32Array.from({ length: rows }, (_, i) => i);
  const key = seedKey(seed);
  const [h0, h1, h2] = nameWords(`shuffle of epoch ${epoch}`);
  let words: readonly number[] = [];
  for (let last = rows - 1; last > 0; last--) {
    const drawn = rows - 1 - last;
    if (drawn % 4 === 0) words = philox([drawn / 4, h0, h1, h2], key);
    const place = Math.floor(((words[drawn % 4] ?? 0) / 2 ** 32) * (last + 1));
    const other = order[place] ?? 0;
    order[place] = order[last] ?? 0;
    order[last] = other;
  }
  return order;
}
