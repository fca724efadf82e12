/**
 * The output folder: files and a manifest in, a folder that holds one complete build out; and back, verified.
 *
 * Files are named by their content and never change. `manifest.json` names the files of the one current build and is renamed
 * into place after all of them, so a build that is killed at any moment leaves the old build or the new one. Files that the new
 * manifest no longer names are removed last. A journal lists what a build may leave behind, so that the next one can finish the
 * removal; nothing that neither a manifest nor a journal of tokitai names is ever touched.
 */

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { syncFolder, systemErrorCode, temporaryPath, writeDurably } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { withFolderLock } from "./folder-lock.ts";
import {
  CONTENT_NAME,
  type FileRole,
  MANIFEST_NAME,
  type Manifest,
  type ManifestBody,
  type ManifestFile,
  parseManifest,
  REBUILD,
  renderManifest,
  sealManifest,
} from "./manifest.ts";

export interface OutputFile {
  readonly role: FileRole;
  readonly target: "cpu" | "hip" | null;
  /** The name before the content's hash: `moe.cpu`. */
  readonly stem: string;
  /** The name after it, without the dot: `so`, `h`, `d.ts`, `hip.cpp`. */
  readonly extension: string;
  readonly content: string | Uint8Array;
}

const JOURNAL_NAME = ".tokitai-journal.json";
const LOCK_TIMEOUT_MS = 30_000;

const journalSchema = z.strictObject({ names: z.array(z.string().regex(CONTENT_NAME)) });

/** `moe.cpu` + `so` → `moe.cpu.<12 hex digits of the SHA-256>.so`. */
export function contentName({ stem, extension, content }: OutputFile): string {
  return `${stem}.${sha256(content).slice(0, 12)}.${extension}`;
}

/**
 * Replaces the build in `outDir`, which is made if need be. Returns the manifest that now stands there.
 * TK507: the folder cannot be written, is being written, or has a `manifest.json` that is not tokitai's. Then the old build stands.
 */
export async function writeBuild(
  outDir: string,
  files: readonly OutputFile[],
  body: ManifestBody,
): Promise<Result<Manifest>> {
  try {
    mkdirSync(outDir, { recursive: true });
    const written = await withFolderLock(outDir, LOCK_TIMEOUT_MS, () => replaceBuild(outDir, files, body));
    return (
      written ?? refuse(error("TK507", undefined, `another build is being written to ${outDir}`, "wait for it to end"))
    );
  } catch (cause) {
    const message = `${outDir} cannot be written: ${systemErrorCode(cause)}`;
    return refuse(error("TK507", undefined, message, "name a folder that can be written with -o"));
  }
}

function replaceBuild(outDir: string, files: readonly OutputFile[], body: ManifestBody): Result<Manifest> {
  const manifestPath = join(outDir, MANIFEST_NAME);
  if (existsSync(manifestPath) && !readFileSync(manifestPath, "utf8").includes('"tokitai":')) {
    const message = `${manifestPath} was not written by tokitai and would be overwritten`;
    return refuse(error("TK507", undefined, message, "name another folder with -o"));
  }
  const manifest = sealManifest(body, files.map(describeFile));
  const current = new Set(manifest.files.map(({ name }) => name));
  const previous = readManifest(outDir);
  const known = previous.ok ? previous.value.files.map(({ name }) => name) : [];
  const names = [...new Set([...known, ...readJournal(outDir), ...current])].sort();
  writeDurably(join(outDir, JOURNAL_NAME), `${JSON.stringify({ names })}\n`);
  for (const file of files) writeDurably(join(outDir, contentName(file)), file.content);
  syncFolder(outDir);
  writeDurably(manifestPath, renderManifest(manifest));
  syncFolder(outDir);
  for (const name of names) {
    rmSync(temporaryPath(join(outDir, name)), { force: true });
    if (!current.has(name)) rmSync(join(outDir, name), { force: true });
  }
  rmSync(join(outDir, JOURNAL_NAME), { force: true });
  return ok(manifest);
}

function describeFile(file: OutputFile): ManifestFile {
  const { role, target, content } = file;
  const bytes = typeof content === "string" ? Buffer.byteLength(content) : content.length;
  return { role, target, name: contentName(file), sha256: sha256(content), bytes };
}

/** The manifest of the build in `outDir`. TK501: there is none; TK502 to TK504: see `parseManifest`. */
export function readManifest(outDir: string): Result<Manifest> {
  const path = join(outDir, MANIFEST_NAME);
  const text = readOrCode(path);
  if (typeof text === "string") {
    return refuse(
      error("TK501", undefined, `${path} cannot be read: ${text}`, "name the folder that tokitai compile wrote"),
    );
  }
  return parseManifest(text.toString("utf8"), path);
}

/** Compares each file with the manifest. TK505: missing or unreadable; TK506: altered. All of them are listed. */
export function verifyFiles(outDir: string, manifest: Manifest): Result<void> {
  const diagnostics = manifest.files.flatMap((file) => verifyFile(outDir, file));
  return diagnostics.length === 0 ? ok(undefined) : refuse(...diagnostics);
}

/**
 * The verified build in `outDir`. When a file is missing because another build replaced this one between the two steps, the
 * new one is read instead. Errors as `readManifest` and `verifyFiles`.
 */
export function openBuild(outDir: string): Result<Manifest> {
  let manifest = readManifest(outDir);
  for (;;) {
    if (!manifest.ok) return manifest;
    const verified = verifyFiles(outDir, manifest.value);
    if (verified.ok) return manifest;
    const again = readManifest(outDir);
    if (again.ok && again.value.self === manifest.value.self) return verified;
    manifest = again;
  }
}

function verifyFile(outDir: string, { name, sha256: expected, bytes }: ManifestFile): readonly Diagnostic[] {
  const path = join(outDir, name);
  const content = readOrCode(path);
  if (typeof content === "string") return [error("TK505", undefined, `${path} cannot be read: ${content}`, REBUILD)];
  const actual = sha256(content);
  if (actual === expected && content.length === bytes) return [];
  const message = `${path} was altered: its SHA-256 is ${actual}, and the manifest names ${expected}`;
  return [error("TK506", undefined, message, REBUILD)];
}

/** The file's bytes, or the system's error code. */
function readOrCode(path: string): Buffer | string {
  try {
    return readFileSync(path);
  } catch (cause) {
    return systemErrorCode(cause);
  }
}

/** What earlier builds that did not end may have left; a journal that cannot be read names nothing. */
function readJournal(outDir: string): readonly string[] {
  const text = readOrCode(join(outDir, JOURNAL_NAME));
  if (typeof text === "string") return [];
  try {
    return journalSchema.safeParse(JSON.parse(text.toString("utf8"))).data?.names ?? [];
  } catch (cause) {
    if (cause instanceof SyntaxError) return [];
    throw cause;
  }
}
