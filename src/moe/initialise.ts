/**
 * Initial values of weights as a function of a 64-bit seed, a tensor's name and an element's position.
 *
 * No element depends on another, so that any tensor, or part of one, can be made alone and on any machine, and no two
 * tensors start alike. The source of randomness is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011): four words from a 64-bit key (the seed) and a 128-bit counter, which is the
 * number of the group of four elements in the first word and 96 bits of the name's SHA-256 in the others.
 */

import type { Initial, ProgramWeight, TensorProgram } from "../ir/tensor/types.ts";
import { sha256 } from "../support/hash.ts";
import { philox } from "../support/philox.ts";
import { InternalError } from "../support/result.ts";

/** The seed's two words, after a check that it is a u64. */
export function seedKey(seed: bigint): readonly [number, number] {
  if (seed !== BigInt.asUintN(64, seed)) throw new InternalError(`the seed ${seed} is no unsigned 64-bit integer`);
  return [Number(seed & 0xffff_ffffn), Number(seed >> 32n)];
}

/** The first 96 bits of SHA-256 of the name, as three words. */
export function nameWords(name: string): readonly [number, number, number] {
  const hash = sha256(name);
  const word = (i: number): number => Number.parseInt(hash.slice(8 * i, 8 * i + 8), 16);
  return [word(0), word(1), word(2)];
}

/** 24 bits of a word as the midpoint of one of 2²⁴ equal parts of (−bound, bound), rounded to f32. */
function uniform(word: number, bound: number): number {
  return Math.fround(bound * ((2 * (word >>> 8) + 1) * 2 ** -24 - 1));
}

/** Elements `start` to `end` (exclusive) of a tensor, in row-major order, as f32. */
export function initialRange(
  seed: bigint,
  name: string,
  initial: Initial,
  start: number,
  end: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(end - start);
  if (initial.kind === "constant") return values.fill(initial.value);
  // The group's number is one word.
  if (start < 0 || end > 2 ** 34) throw new InternalError(`elements ${start} to ${end} of ${name}`);
  const [key, [h0, h1, h2]] = [seedKey(seed), nameWords(name)];
  for (let group = Math.floor(start / 4); 4 * group < end; group++) {
    for (const [lane, word] of philox([group, h0, h1, h2], key).entries()) {
      const i = 4 * group + lane;
      if (i >= start && i < end) values[i - start] = uniform(word, initial.bound);
    }
  }
  return values;
}

/** One weight whole. */
export function initialTensor(seed: bigint, { name, shape, initial }: ProgramWeight): Float32Array<ArrayBuffer> {
  const elements = shape.reduce((product, size) => product * size, 1);
  return initialRange(seed, name, initial, 0, elements);
}

/** Every weight of a program by its name, in the program's order. */
export function initialWeights(seed: bigint, program: TensorProgram): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  return new Map(program.weights.map((weight) => [weight.name, initialTensor(seed, weight)]));
}
