/**
 * The build cache: the SHA-256 of everything that decides a library's bytes in, the library out.
 *
 * An entry is two files, `<key>.so` and `<key>.json`; the second records the first's hash and is written last. An entry whose
 * bytes no longer have that hash counts as absent and is built again. Whoever builds works in a scratch folder of the cache.
 */

import { existsSync, mkdirSync, readFileSync } from "node:fs";
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
