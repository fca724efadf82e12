/**
 * Reviewed survivors: mutants that are equivalent to their kernel, with the reason why, in a list next to the kernel's
 * file (`linear.ts` → `linear.mutants.json`).
 *
 * An entry names mutants by id, where `*` stands for any characters. The verifier cannot tell an equivalent mutant from a
 * fault that it misses; a reader of the reason can. An entry that no longer names a survivor is an error, so that the
 * lists stay as short as they can be.
 */

import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const LIST = z.array(z.strictObject({ mutant: z.string().min(1), reason: z.string().min(20) })).readonly();

export interface Reviewed {
  /** The list's path. */
  readonly list: string;
  /** An id, or a pattern of ids. */
  readonly mutant: string;
  readonly reason: string;
}

/** The list of the kernels in a source file; empty where there is none. Throws on a list that is malformed. */
export function readReviewed(sourceFile: string): readonly Reviewed[] {
  const list = sourceFile.replace(/\.ts$/, ".mutants.json");
  if (!existsSync(list)) return [];
  const entries = LIST.parse(JSON.parse(readFileSync(list, "utf8")));
  return entries.map((entry) => ({ list, ...entry }));
}

export function names({ mutant }: Reviewed, id: string): boolean {
  const pattern = mutant
    .split("*")
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\#]/g, String.raw`\$&`))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(id);
}
