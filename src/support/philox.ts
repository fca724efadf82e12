/**
 * Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011): four random
 * words as a function of a 64-bit key and a 128-bit counter.
 */

/** Four 32-bit words, each an integer from 0 to 2³² − 1. */
export type Words = readonly [number, number, number, number];

/** Multipliers and the key's increments (Weyl constants) of Philox4x32: table 2 and section 3.3 of the paper. */
export const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
export const KEY_INCREMENTS = [0x9e3779b9, 0xbb67ae85] as const;
export const ROUNDS = 10;

/** Philox4x32-10: the bijection of the counter under a key of two words. */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIERS[0], c0);
    const high1 = multiplyHigh(MULTIPLIERS[1], c2);
    const low0 = Math.imul(MULTIPLIERS[0], c0);
    const low1 = Math.imul(MULTIPLIERS[1], c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1 >>> 0, (high0 ^ c3 ^ k1) >>> 0, low0 >>> 0];
    k0 = (k0 + KEY_INCREMENTS[0]) >>> 0;
    k1 = (k1 + KEY_INCREMENTS[1]) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** The upper 32 bits of a product of two unsigned 32-bit integers, by halves of 16 bits: no sum reaches 2⁵³. */
function multiplyHigh(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle % 65_536);
  return aHigh * bHigh + Math.floor(middle / 65_536) + Math.floor(cross / 65_536);
}

/**
 * An integer 0 ≤ i < 2³¹: the upper 31 bits of the first word of Philox4x32-10 under the key (seed, stream) at the counter
 * (index, step), each of the latter as two words, low before high. Of the arguments, which are integers that a double
 * holds exactly, the lowest 32 bits of seed and stream and the lowest 64 of step and index count, in two's complement.
 */
export function randomBits(seed: number, stream: number, step: number, index: number): number {
  const [word] = philox([low(index), high(index), low(step), high(step)], [low(seed), low(stream)]);
  return word >>> 1;
}

function low(value: number): number {
  return value >>> 0;
}

function high(value: number): number {
  return Math.floor(value / 2 ** 32) >>> 0;
}
