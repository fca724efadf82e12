/**
 * The build cache: the SHA-256 of everything that decides a library's bytes in, the library out.
 *
 * An entry is two files, `<key>.so` and `<key>.json`; the second records the first's hash and is written last. An entry whose
 * bytes no longer have that hash counts as absent and is built again. Whoever builds works in a scratch folder of the cache.
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { writeDurably } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";

const entrySchema = z.strictObject({ sha256: z.string(), warnings: z.string() });

export interface CacheEntry {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** What the compiler said while it succeeded. */
  readonly warnings: string;
}

/** `$TOKITAI_CACHE`, or `~/.cache/tokitai`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const named = env["TOKITAI_CACHE"];
  return named === undefined || named === "" ? join(env["HOME"] ?? homedir(), ".cache", "tokitai") : named;
}

/** Where proofs are kept (`verify/proof-cache.ts`). */
export function proofDirectory(env: NodeJS.ProcessEnv): string {
  return join(cacheDirectory(env), "proofs");
}

/** The verified entry of a key, or `undefined` when it is absent, incomplete or altered. */
export function lookUp(directory: string, key: string): CacheEntry | undefined {
  const { library, record } = paths(directory, key);
  if (!existsSync(library) || !existsSync(record)) return undefined;
  const parsed = parseRecord(readFileSync(record, "utf8"));
  const bytes = readFileSync(library);
  if (parsed === undefined || sha256(bytes) !== parsed.sha256) return undefined;
  return { path: library, bytes, sha256: parsed.sha256, warnings: parsed.warnings };
}

/** Records a library under its key, replacing what stood there. `scratch` is the caller's scratch folder. */
export function store(
  directory: string,
  key: string,
  bytes: Uint8Array,
  warnings: string,
  scratch: string,
): CacheEntry {
  const { folder, library, record } = paths(directory, key);
  mkdirSync(folder, { recursive: true });
  const hash = sha256(bytes);
  writeDurably(library, bytes, join(scratch, "entry.so"));
  writeDurably(record, `${JSON.stringify({ sha256: hash, warnings })}\n`, join(scratch, "entry.json"));
  return { path: library, bytes, sha256: hash, warnings };
}

/** Runs `work` in a new folder of the cache, and removes the folder afterwards. */
export async function withScratch<T>(directory: string, work: (scratch: string) => Promise<T>): Promise<T> {
  const parent = join(directory, "tmp");
  mkdirSync(parent, { recursive: true });
  sweep(parent);
  const scratch = mkdtempSync(join(parent, `${process.pid}-`));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Removes the scratch folders of processes that were killed. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    if (Number.isInteger(pid) && pid !== process.pid && !existsSync(`/proc/${pid}`)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

function parseRecord(text: string): z.infer<typeof entrySchema> | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(text)).data;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function paths(directory: string, key: string): { folder: string; library: string; record: string } {
  const folder = join(directory, "build");
  return { folder, library: join(folder, `${key}.so`), record: join(folder, `${key}.json`) };
}
