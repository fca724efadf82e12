/** The instances of a kernel, one for each combination of its `params`: kernels in, groups with one name each out. */

import { printKernel } from "../ir/kernel/print.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { SourceLookup } from "../support/diagnostic.ts";
import { sha256 } from "../support/hash.ts";
import { InternalError } from "../support/result.ts";

export interface Variants {
  /** The exported name, without values of `params`. */
  readonly name: string;
  readonly file: string;
  /** In the order of their names. */
  readonly kernels: readonly Kernel[];
  /** SHA-256 of the text of all of them. */
  readonly sha256: string;
}

/** In the order of the kernels. Instances of one kernel have one place in the source: its name. */
export function variantsOf(kernels: readonly Kernel[], lookup: SourceLookup): readonly Variants[] {
  const groups = new Map<string, Kernel[]>();
  for (const kernel of kernels) {
    const { file, line, column } = kernel.span;
    const place = `${file}:${line}:${column}`;
    groups.set(place, [...(groups.get(place) ?? []), kernel]);
  }
  return [...groups.values()].map((group) => {
    const sorted = group.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const [first] = sorted;
    if (first === undefined) throw new InternalError("a kernel without instances");
    const text = sorted.map(printKernel).join("\n");
    return { name: exportedName(first, lookup), file: first.span.file, kernels: sorted, sha256: sha256(text) };
  });
}

function exportedName({ name, span }: Kernel, lookup: SourceLookup): string {
  const line = lookup(span.file)?.split("\n")[span.line - 1];
  const written = line?.slice(span.column - 1, span.endColumn - 1);
  if (written === undefined || !name.startsWith(written)) throw new InternalError(`${name} is not where it says`);
  return written;
}
