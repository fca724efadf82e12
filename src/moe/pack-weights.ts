/**
 * Weights of the sparse programs → those of `moe_packed_forward`, as the program `moe_pack` makes them:
 *
 *   experts.3.weight [E, N, K]   →   experts.3.weight.packed [E, ⌈N/32⌉, K, 32], and 0 where w has no row
 */

import { elementCount } from "../ir/tensor/error-model.ts";
import { moveTo, packedLayout } from "../ir/tensor/panels.ts";
import { InternalError } from "../support/result.ts";

/** A block of an expert is Linear, LayerNorm and GELU: its Linear is at every third place. */
const LINEAR = /^experts\.(\d+)\.weight$/;

/** The packed weights by their names, and what is not packed. */
export function packWeights(
  stacked: ReadonlyMap<string, Float32Array<ArrayBuffer>>,
  experts: number,
): ReadonlyMap<string, Float32Array<ArrayBuffer>> {
  const found = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, values] of stacked) {
    const [, place] = LINEAR.exec(name) ?? [];
    if (place === undefined || Number(place) % 3 !== 0) {
      found.set(name, values);
      continue;
    }
    const bias = stacked.get(`experts.${place}.bias`);
    if (bias === undefined) throw new InternalError(`there is no bias beside ${name}`);
    const { shape, from } = packedLayout([experts, bias.length / experts, values.length / bias.length]);
    found.set(`${name}.packed`, moveTo(new Float32Array(elementCount(shape)), from, values));
  }
  return found;
}
