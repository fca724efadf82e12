/**
 * Reads kernel files without TypeScript, where an earlier run has read the same: kernel files and a cache → kernels.
 *
 * What was read is kept in the proof cache, under the names of the files and the text of everything of tokitai's that has
 * a part in reading; the entry says which texts decided it, by their hashes. It counts only when every one of these files
 * has that text, and when what it holds is whole and well formed: else the front end reads, and the entry is replaced.
 * Only what was read without a diagnostic is kept.
 *
 * This file imports nothing that loads TypeScript, which takes longer than all else in a run that has nothing to prove.
 */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { z } from "zod";
import { checkKernel } from "../../ir/kernel/check.ts";
import type { Kernel } from "../../ir/kernel/types.ts";
import { sha256 } from "../../support/hash.ts";
import { parseJson } from "../../support/json.ts";
import { readText } from "../../support/read-text.ts";
import { sourceHash } from "../../support/source-hash.ts";
import { VERSION } from "../../support/version.ts";
import { type ProofCache, proofKey } from "../../verify/proof-cache.ts";
import { parseKernels, writeKernels } from "./kernel-text.ts";
import type { KernelsRead } from "./read.ts";

export interface KernelsAtHand extends KernelsRead {
  /** Whether the front end was not needed. */
  readonly cached: boolean;
}

/** As `readKernels`, of files; without a cache nothing is looked up or kept. */
export async function readKernelsWith(
  cache: ProofCache | undefined,
  files: readonly string[],
  cwd: string,
): Promise<KernelsAtHand> {
  if (files.length === 0) {
    return { kernels: [], sources: () => undefined, diagnostics: [], decidedBy: new Map(), cached: false };
  }
  const key = cache && keyOf(files, cwd);
  const entry = key === undefined ? undefined : cache?.get(key);
  const found = entry === undefined ? undefined : believe(entry, files, cwd);
  if (found !== undefined) return found;
  const { readKernels } = await import("./read.ts");
  const read = readKernels(files, { cwd });
  if (key !== undefined && read.decidedBy !== undefined) cache?.put(key, entryOf(read.kernels, read.decidedBy));
  return { ...read, cached: false };
}

/** The names count as spans give them, so that an entry holds wherever the folder lies. */
function keyOf(files: readonly string[], cwd: string): string {
  return proofKey("kernels", frontEndHash(), JSON.stringify(files.map((file) => nameOf(file, cwd))));
}

function nameOf(file: string, cwd: string): string {
  return path.relative(cwd, path.resolve(cwd, file)).split(path.sep).join("/");
}

const filesSchema = z.array(z.tuple([z.string(), z.string()]));

/** The names and hashes of the files, a tab, and the kernels: JSON has no bare tab. */
function entryOf(kernels: readonly Kernel[], decidedBy: ReadonlyMap<string, string>): string {
  const files: z.infer<typeof filesSchema> = [...decidedBy].map(([name, text]) => [name, sha256(text)]);
  return `${JSON.stringify(files)}\t${writeKernels(kernels)}`;
}

/** What an entry says, if that is what the files say. */
function believe(entry: string, asked: readonly string[], cwd: string): KernelsAtHand | undefined {
  const tab = entry.indexOf("\t");
  const files = filesSchema.safeParse(parseJson(entry.slice(0, Math.max(0, tab)))).data;
  if (files === undefined) return undefined;
  const texts = new Map<string, string>();
  for (const [name, hash] of files) {
    const text = readText(path.resolve(cwd, name));
    if (text === undefined || sha256(text) !== hash) return undefined;
    texts.set(name, text);
  }
  if (!asked.every((file) => texts.has(nameOf(file, cwd)))) return undefined;
  const kernels = parseKernels(entry.slice(tab + 1));
  if (kernels === undefined || kernels.some((kernel) => checkKernel(kernel).length > 0)) return undefined;
  return { kernels, sources: (file) => texts.get(file), diagnostics: [], decidedBy: texts, cached: true };
}

/** Everything of tokitai's that decides what kernels are read as: its own texts, and the versions of what it calls. */
function frontEndHash(): string {
  const tsMorph = createRequire(import.meta.url).resolve("ts-morph/package.json");
  // TypeScript itself comes with this one.
  const typescript = createRequire(tsMorph).resolve("@ts-morph/common/package.json");
  const packages = [tsMorph, typescript].map((file) => readFileSync(file, "utf8"));
  const own = sourceHash(["compiler/frontend", "dsl", "ir/kernel", "ir/tensor", "support"]);
  return sha256(JSON.stringify([VERSION, ...packages, own]));
}
