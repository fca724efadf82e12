/**
 * The build cache: the SHA-256 of everything that decides the bytes of a library or an object in, these bytes out.
 *
 * An entry is two files, `<key>.so` or `<key>.o` and `<key>.json`; the second records the first's hash and is written last. An
 * entry whose bytes no longer have that hash counts as absent and is built again. Whoever builds works in a scratch folder of
 * the cache.
 */

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeDurably } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";

const entrySchema = z.strictObject({ sha256: z.string(), warnings: z.string() });

/** What is kept: a shared library, or what a compiler made of one file of it. */
export type Kept = "so" | "o";

export interface CacheEntry {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** What the compiler said while it succeeded. */
  readonly warnings: string;
}

/** The verified entry of a key, or `undefined` when it is absent, incomplete or altered. */
export function lookUp(directory: string, key: string, kind: Kept): CacheEntry | undefined {
  const { path, record } = paths(directory, key, kind);
  if (!existsSync(path) || !existsSync(record)) return undefined;
  const parsed = parseRecord(readFileSync(record, "utf8"));
  const bytes = readFileSync(path);
  if (parsed === undefined || sha256(bytes) !== parsed.sha256) return undefined;
  return { path, bytes, sha256: parsed.sha256, warnings: parsed.warnings };
}

/** Records bytes under their key, replacing what stood there. `scratch` is the caller's scratch folder. */
export function store(
  directory: string,
  key: string,
  kind: Kept,
  bytes: Uint8Array,
  warnings: string,
  scratch: string,
): CacheEntry {
  const { folder, path, record } = paths(directory, key, kind);
  mkdirSync(folder, { recursive: true });
  const hash = sha256(bytes);
  writeDurably(path, bytes, join(scratch, `${key}.${kind}`));
  writeDurably(record, `${JSON.stringify({ sha256: hash, warnings })}\n`, join(scratch, `${key}.json`));
  return { path, bytes, sha256: hash, warnings };
}

function parseRecord(text: string): z.infer<typeof entrySchema> | undefined {
  try {
    return entrySchema.safeParse(JSON.parse(text)).data;
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined;
    throw cause;
  }
}

function paths(directory: string, key: string, kind: Kept): { folder: string; path: string; record: string } {
  const folder = join(directory, "build");
  return { folder, path: join(folder, `${key}.${kind}`), record: join(folder, `${key}.json`) };
}
