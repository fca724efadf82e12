/**
 * Reviewed mutants: those that the verifier does not refute, with the reason why, in a list next to the kernel's file
 * (`linear.ts` → `linear.mutants.json`).
 *
 * A mutant is certified where it is equivalent to its kernel, or where the verifier misses a fault: a reader of the reason
 * can tell these apart. It is unknown where no witness was found or none could be replayed; that is an entry of its own
 * kind. An entry names mutants by id, where `*` stands for any characters. One that names none of its kind any more is an
 * error, so that the lists stay as short as they can be.
 */

import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import type { MutantVerdict } from "./judge.ts";

const ENTRY = z.strictObject({
  mutant: z.string().min(1),
  verdict: z.enum(["certified", "unknown"]).default("certified"),
  reason: z.string().min(20),
});
const LIST = z.array(ENTRY).readonly();

export interface Reviewed {
  /** The list's path. */
  readonly list: string;
  /** An id, or a pattern of ids. */
  readonly mutant: string;
  readonly verdict: "certified" | "unknown";
  readonly reason: string;
}

/** The list of the kernels in a source file; empty where there is none. Throws on a list that is malformed. */
export function readReviewed(sourceFile: string): readonly Reviewed[] {
  const list = sourceFile.replace(/\.ts$/, ".mutants.json");
  if (!existsSync(list)) return [];
  const entries = LIST.parse(JSON.parse(readFileSync(list, "utf8")));
  return entries.map((entry) => ({ list, ...entry }));
}

/** Whether the entry gives the reason why the mutant of this id has this verdict. */
export function excuses(entry: Reviewed, id: string, verdict: MutantVerdict): boolean {
  return entry.verdict === verdict && names(entry, id);
}

export function names({ mutant }: Pick<Reviewed, "mutant">, id: string): boolean {
  const pattern = mutant
    .split("*")
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\#]/g, String.raw`\$&`))
    .join(".*");
  return new RegExp(`^${pattern}$`).test(id);
}
