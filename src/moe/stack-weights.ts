/**
 * Weights of the dense programs → those of the sparse ones, which have the parts of all experts one after another, and back.
 *
 *   experts.0.3.weight [N, K], …, experts.<E−1>.3.weight [N, K]   →   experts.3.weight [E, N, K]
 */

import { InternalError } from "../support/result.ts";

const PART = /^experts\.(\d+)\.(\d+\.\w+)$/;

/** By the names of the sparse program; what does not belong to an expert is passed on. */
export function stackWeights(
  weights: ReadonlyMap<string, Float32Array>,
): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const stacks = new Map<string, Float32Array[]>();
  const found = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, values] of weights) {
    const [, expert, place] = PART.exec(name) ?? [];
    if (expert === undefined || place === undefined) {
      found.set(name, Float32Array.from(values));
      continue;
    }
    const parts = stacks.get(place) ?? [];
    if (parts.length !== Number(expert)) throw new InternalError(`${name} comes after ${parts.length} experts`);
    stacks.set(place, [...parts, values]);
  }
  for (const [place, parts] of stacks) {
    const size = parts[0]?.length ?? 0;
    const stacked = new Float32Array(size * parts.length);
    for (const [expert, values] of parts.entries()) {
      if (values.length !== size) throw new InternalError(`experts.${expert}.${place} has ${values.length} elements`);
      stacked.set(values, expert * size);
    }
    found.set(`experts.${place}`, stacked);
  }
  return found;
}

/** The weights of these names of the dense programs, in their order, from those of the sparse ones. */
export function unstackWeights(
  stacked: ReadonlyMap<string, Float32Array>,
  names: Iterable<string>,
): ReadonlyMap<string, Float32Array> {
  const wanted = [...names];
  const experts = 1 + Math.max(-1, ...wanted.map((name) => Number(PART.exec(name)?.[1] ?? -1)));
  return new Map(
    wanted.map((name) => {
      const [, expert, place] = PART.exec(name) ?? [];
      const values = stacked.get(expert === undefined ? name : `experts.${place}`);
      if (values === undefined) throw new InternalError(`there is no part of ${name}`);
      const size = expert === undefined ? values.length : values.length / experts;
      const first = expert === undefined ? 0 : Number(expert) * size;
      return [name, values.subarray(first, first + size)];
    }),
  );
}
