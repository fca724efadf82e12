/**
 * Weights of the dense programs → those of the sparse ones, which have the parts of all experts one after another, and back.
 *
 *   experts.0.3.weight [N, K], …, experts.<E−1>.3.weight [N, K]   →   experts.3.weight [E, N, K]
 *
 * Their moments are named so after `mean.` and `square.`.
 */

import { InternalError } from "../support/result.ts";

const PART = /^((?:mean\.|square\.)?experts\.)(\d+)\.(\d+\.\w+)$/;

/** The stack that a weight of the dense programs is part of, and of which expert; `undefined` where it belongs to none. */
function stackOf(name: string): { readonly stack: string; readonly expert: number } | undefined {
  const [, before, expert, place] = PART.exec(name) ?? [];
  return expert === undefined ? undefined : { stack: `${before}${place}`, expert: Number(expert) };
}

/** By the names of the sparse program; what does not belong to an expert is passed on. */
export function stackWeights(
  weights: ReadonlyMap<string, Float32Array>,
): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const stacks = new Map<string, Float32Array[]>();
  const found = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, values] of weights) {
    const part = stackOf(name);
    if (part === undefined) {
      found.set(name, Float32Array.from(values));
      continue;
    }
    const parts = stacks.get(part.stack) ?? [];
    if (parts.length !== part.expert) throw new InternalError(`${name} comes after ${parts.length} experts`);
    stacks.set(part.stack, [...parts, values]);
  }
  for (const [stack, parts] of stacks) {
    const size = parts[0]?.length ?? 0;
    const stacked = new Float32Array(size * parts.length);
    for (const [expert, values] of parts.entries()) {
      if (values.length !== size) throw new InternalError(`part ${expert} of ${stack} has ${values.length} elements`);
      stacked.set(values, expert * size);
    }
    found.set(stack, stacked);
  }
  return found;
}

/** The weights of these names of the dense programs, in their order, as views of those of the sparse ones. */
export function unstackWeights<Memory extends ArrayBufferLike>(
  stacked: ReadonlyMap<string, Float32Array<Memory>>,
  names: Iterable<string>,
): ReadonlyMap<string, Float32Array<Memory>> {
  const wanted = [...names];
  const experts = 1 + Math.max(-1, ...wanted.map((name) => stackOf(name)?.expert ?? -1));
  return new Map(
    wanted.map((name) => {
      const part = stackOf(name);
      const values = stacked.get(part?.stack ?? name);
      if (values === undefined) throw new InternalError(`there is no part of ${name}`);
      const size = part === undefined ? values.length : values.length / experts;
      const first = (part?.expert ?? 0) * size;
      return [name, values.subarray(first, first + size)];
    }),
  );
}
