/**
 * Whole builds of earlier compilations: the SHA-256 of everything that decides a build in, the build out.
 *
 * An entry is one file, `<key>.build`, of three parts:
 *
 *   the format, and the SHA-256 of all that follows   (a line)
 *   the key, what else decided it, what was said, and the files' names and lengths   (a line of JSON)
 *   the manifest and the files, one after another
 *
 * The file is written aside and renamed. One that is cut off, altered, of another format or under another key's name counts as
 * absent, and is replaced. What a key cannot stand for, since only reading the inputs tells it, are the texts that they take in:
 * the entry names them with their hashes, and who asks says whether they are still so.
 *
 * The folder holds at most `MAX_BYTES`: entries that nothing was taken from for the longest time go first. As for proofs, this
 * guards against corruption and stale entries, not against someone who may write the user's files.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { systemErrorCode, writeDurably } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";
import { parseJson } from "../../support/json.ts";
import { withScratch } from "./cache-folder.ts";
import type { FileRole } from "./manifest.ts";
import type { OutputFile, SealedBuild } from "./write-build.ts";

/** Raise it when the meaning of an entry changes. */
const FORMAT = "tokitai build 1";
/** Thirty builds of the MoE model. */
const MAX_BYTES = 256 * 1024 * 1024;
const NAME = /^[0-9a-f]{64}\.build$/;
const LINE_BREAK = 0x0a;

export interface KeptBuild {
  readonly build: SealedBuild;
  /** What the compilation said of its proof, and what it remarked: texts as they were printed. */
  readonly report: string;
  readonly remarks: string;
}

/** The texts that decided a build, by their files' names: SHA-256 of each. */
export type TextHashes = readonly (readonly [string, string])[];

interface Header {
  readonly key: string;
  readonly texts: TextHashes;
  readonly report: string;
  readonly remarks: string;
  readonly self: string;
  readonly manifestBytes: number;
  readonly files: readonly (Omit<OutputFile, "content"> & { readonly bytes: number })[];
}

/** The build of the key, if it is whole and the texts that decided it are still those: `isSame` says so. */
export function lookUpBuild(cache: string, key: string, isSame: (texts: TextHashes) => boolean): KeptBuild | undefined {
  const path = pathOf(cache, key);
  const bytes = readOrNothing(path);
  const header = bytes && headerOf(bytes, key);
  if (bytes === undefined || header === undefined || !isSame(header.value.texts)) return undefined;
  const { files, manifestBytes, report, remarks, self } = header.value;
  const parts = cut(bytes.subarray(header.end), [manifestBytes, ...files.map((file) => file.bytes)]);
  if (parts === undefined) return undefined;
  const [manifest = bytes, ...contents] = parts;
  touch(path);
  return {
    build: {
      files: files.map(({ bytes: _, ...file }, i): OutputFile => ({ ...file, content: contents[i] ?? "" })),
      manifest: manifest.toString("utf8"),
      self,
    },
    report,
    remarks,
  };
}

/** Pieces of these lengths, if nothing is left over and nothing missing. */
function cut(bytes: Buffer, lengths: readonly number[]): readonly Buffer[] | undefined {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return at === bytes.length ? pieces : undefined;
}

/** Keeps a build for the next run; the text says why it could not be. Nothing depends on its success. */
export async function keepBuild(
  cache: string,
  key: string,
  texts: TextHashes,
  { build, report, remarks }: KeptBuild,
): Promise<string | undefined> {
  const contents = [build.manifest, ...build.files.map(({ content }) => content)].map((content) =>
    typeof content === "string" ? Buffer.from(content, "utf8") : content,
  );
  const [manifest, ...files] = contents.map(({ length }) => length);
  const header: Header = {
    key,
    texts,
    report,
    remarks,
    self: build.self,
    manifestBytes: manifest ?? 0,
    files: build.files.map(({ role, target, stem, extension }, i) => {
      return { role, target, stem, extension, bytes: files[i] ?? 0 };
    }),
  };
  const rest = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`, "utf8"), ...contents]);
  try {
    mkdirSync(folderOf(cache), { recursive: true });
    await withScratch(cache, async (scratch) => {
      const first = Buffer.from(`${FORMAT} ${sha256(rest)}\n`, "utf8");
      writeDurably(pathOf(cache, key), [first, rest], join(scratch, "entry.build"));
    });
    evict(folderOf(cache));
    return undefined;
  } catch (cause) {
    return `the build cannot be kept in ${cache} (${systemErrorCode(cause)})`;
  }
}

/** The header, and where it ends, of an entry that is whole and the key's. */
function headerOf(bytes: Buffer, key: string): { readonly value: Header; readonly end: number } | undefined {
  const first = bytes.indexOf(LINE_BREAK);
  if (first < 0 || bytes.toString("latin1", 0, first) !== `${FORMAT} ${sha256(bytes.subarray(first + 1))}`) {
    return undefined;
  }
  const second = bytes.indexOf(LINE_BREAK, first + 1);
  const value = parseJson(bytes.toString("utf8", first + 1, Math.max(first + 1, second)));
  return isHeader(value) && value.key === key ? { value, end: second + 1 } : undefined;
}

const ROLES = {
  library: true,
  source: true,
  header: true,
  types: true,
  ir: true,
  "kernel-ir": true,
  smt2: true,
} as const satisfies Record<FileRole, true>;

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const { key, texts, report, remarks, self, manifestBytes, files } = value as Partial<Record<keyof Header, unknown>>;
  return (
    [key, report, remarks, self].every((text) => typeof text === "string") &&
    isCount(manifestBytes) &&
    Array.isArray(texts) &&
    texts.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === "string")) &&
    Array.isArray(files) &&
    files.every(isFile)
  );
}

function isFile(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { role, target, stem, extension, bytes } = value as Partial<Record<string, unknown>>;
  return (
    typeof role === "string" &&
    Object.hasOwn(ROLES, role) &&
    (target === "cpu" || target === "hip" || target === null) &&
    typeof stem === "string" &&
    typeof extension === "string" &&
    isCount(bytes)
  );
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function readOrNothing(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (cause) {
    // Whatever keeps it from being read: then it is built.
    systemErrorCode(cause);
    return undefined;
  }
}

/** The time of the file says when something was last taken from it. */
function touch(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch (cause) {
    // Of another user, or just removed by another run.
    systemErrorCode(cause);
  }
}

/** Removes those that were last used before others, until the rest fits. */
function evict(folder: string): void {
  const entries = readdirSync(folder)
    .filter((name) => NAME.test(name))
    .flatMap((name) => {
      const stats = statSync(join(folder, name), { throwIfNoEntry: false });
      return stats === undefined ? [] : [{ name, bytes: stats.size, used: stats.mtimeMs }];
    })
    .sort((a, b) => b.used - a.used);
  let left = MAX_BYTES;
  for (const { name, bytes } of entries) {
    left -= bytes;
    if (left < 0) rmSync(join(folder, name), { force: true });
  }
}

function folderOf(cache: string): string {
  return join(cache, "builds");
}

function pathOf(cache: string, key: string): string {
  return join(folderOf(cache), `${key}.build`);
}
