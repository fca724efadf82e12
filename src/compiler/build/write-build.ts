/**
 * Writing the output folder: files and a manifest in, a folder that holds one complete build out. `output.ts` reads it back.
 *
 * Files are named by their content and never change. `manifest.json` names the files of the one current build and is renamed
 * into place after all of them, so a build that is killed at any moment leaves the old build or the new one. Files that the new
 * manifest no longer names are removed last. A journal lists what a build may leave behind, so that the next one can finish the
 * removal; nothing that neither a manifest nor a journal of tokitai names is ever touched.
 */

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { error } from "../../support/diagnostic.ts";
import { syncFolder, systemErrorCode, temporaryPath, writeDurably } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { withFolderLock } from "./lock.ts";
import type { FileRole, Manifest, ManifestBody, ManifestFile } from "./manifest.ts";
import { JOURNAL_NAME, MANIFEST_NAME, renderManifest, sealManifest } from "./manifest-text.ts";

export interface OutputFile {
  readonly role: FileRole;
  readonly target: "cpu" | "hip" | null;
  /** The name before the content's hash: `moe.cpu`. */
  readonly stem: string;
  /** The name after it, without the dot: `so`, `h`, `d.ts`, `hip.cpp`. */
  readonly extension: string;
  readonly content: string | Uint8Array;
}

/** A build that lacks nothing but its folder. */
export interface SealedBuild {
  readonly files: readonly OutputFile[];
  /** The text of `manifest.json`, and the hash of itself that it has. */
  readonly manifest: string;
  readonly self: string;
}

const LOCK_TIMEOUT_MS = 30_000;

/** `moe.cpu` + `so` → `moe.cpu.<12 hex digits of the SHA-256>.so`. */
export function contentName({ stem, extension, content }: OutputFile): string {
  return `${stem}.${sha256(content).slice(0, 12)}.${extension}`;
}

/** Replaces the build in `outDir`, as `writeSealed`. Returns the manifest that now stands there. */
export async function writeBuild(
  outDir: string,
  files: readonly OutputFile[],
  body: ManifestBody,
): Promise<Result<Manifest>> {
  const manifest = sealManifest(body, files.map(describeFile));
  const written = await writeSealed(outDir, sealed(files, manifest));
  return written.ok ? ok(manifest) : written;
}

/** The build of these files. */
export function sealBuild(files: readonly OutputFile[], body: ManifestBody): SealedBuild {
  return sealed(files, sealManifest(body, files.map(describeFile)));
}

function sealed(files: readonly OutputFile[], manifest: Manifest): SealedBuild {
  return { files, manifest: renderManifest(manifest), self: manifest.self };
}

/**
 * Replaces the build in `outDir`, which is made if need be.
 * TK507: the folder cannot be written, is being written, or has a `manifest.json` that is not tokitai's. Then the old build stands.
 */
export async function writeSealed(outDir: string, build: SealedBuild): Promise<Result<void>> {
  try {
    mkdirSync(outDir, { recursive: true });
    const written = await withFolderLock(outDir, LOCK_TIMEOUT_MS, () => replaceBuild(outDir, build));
    return (
      written ?? refuse(error("TK507", undefined, `another build is being written to ${outDir}`, "wait for it to end"))
    );
  } catch (cause) {
    const message = `${outDir} cannot be written: ${systemErrorCode(cause)}`;
    return refuse(error("TK507", undefined, message, "name a folder that can be written with -o"));
  }
}

async function replaceBuild(outDir: string, { files, manifest }: SealedBuild): Promise<Result<void>> {
  const manifestPath = join(outDir, MANIFEST_NAME);
  const previous = existsSync(manifestPath) ? readFileSync(manifestPath, "utf8") : undefined;
  if (previous?.includes('"tokitai":') === false) {
    const message = `${manifestPath} was not written by tokitai and would be overwritten`;
    return refuse(error("TK507", undefined, message, "name another folder with -o"));
  }
  const named = files.map((file) => [contentName(file), file.content] as const);
  const current = new Set(named.map(([name]) => name));
  const old = previous === undefined || previous === manifest ? [] : await leftBehind(outDir);
  const names = [...new Set([...old, ...(await journalled(outDir)), ...current])].sort();
  writeDurably(join(outDir, JOURNAL_NAME), `${JSON.stringify({ names })}\n`);
  for (const [name, content] of named) writeDurably(join(outDir, name), content);
  syncFolder(outDir);
  writeDurably(manifestPath, manifest);
  syncFolder(outDir);
  for (const name of names) {
    rmSync(temporaryPath(join(outDir, name)), { force: true });
    if (!current.has(name)) rmSync(join(outDir, name), { force: true });
  }
  rmSync(join(outDir, JOURNAL_NAME), { force: true });
  return ok(undefined);
}

// What reads and checks a folder loads a library of schemas, which a build that is written again as it is does without.

/** The files of the build that stands there. */
async function leftBehind(outDir: string): Promise<readonly string[]> {
  const { readManifest } = await import("./output.ts");
  const previous = readManifest(outDir);
  return previous.ok ? previous.value.files.map(({ name }) => name) : [];
}

async function journalled(outDir: string): Promise<readonly string[]> {
  if (!existsSync(join(outDir, JOURNAL_NAME))) return [];
  const { readJournal } = await import("./output.ts");
  return readJournal(outDir);
}

function describeFile(file: OutputFile): ManifestFile {
  const { role, target, content } = file;
  const bytes = typeof content === "string" ? Buffer.byteLength(content) : content.length;
  return { role, target, name: contentName(file), sha256: sha256(content), bytes };
}
