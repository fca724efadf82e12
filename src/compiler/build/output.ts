/**
 * Reading the output folder: a folder in, the manifest of the one complete build that it holds out, verified. `write-build.ts`
 * says how it is written.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { systemErrorCode } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { CONTENT_NAME, type Manifest, type ManifestFile, parseManifest, REBUILD } from "./manifest.ts";
import { JOURNAL_NAME, MANIFEST_NAME } from "./manifest-text.ts";

const journalSchema = z.strictObject({ names: z.array(z.string().regex(CONTENT_NAME)) });

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
export function readJournal(outDir: string): readonly string[] {
  const text = readOrCode(join(outDir, JOURNAL_NAME));
  if (typeof text === "string") return [];
  try {
    return journalSchema.safeParse(JSON.parse(text.toString("utf8"))).data?.names ?? [];
  } catch (cause) {
    if (cause instanceof SyntaxError) return [];
    throw cause;
  }
}
