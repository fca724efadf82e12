/** The text of a manifest: what the compiler states, and the files → `manifest.json`. `manifest.ts` says what is in it. */

import { sha256 } from "../../support/hash.ts";
import type { Manifest, ManifestBody, ManifestFile } from "./manifest.ts";

export const MANIFEST_FORMAT = 2;
export const MANIFEST_NAME = "manifest.json";
/** Beside the manifest, while a build is written. */
export const JOURNAL_NAME = ".tokitai-journal.json";

/** The manifest of these files, complete with its own hash. */
export function sealManifest(body: ManifestBody, files: readonly ManifestFile[]): Manifest {
  const content = { ...body, format: MANIFEST_FORMAT, files } as const;
  return { ...content, self: sha256(canonicalText(content)) };
}

/** The canonical text of a manifest, as it stands in `manifest.json`. */
export function renderManifest(manifest: Manifest): string {
  return canonicalText(manifest);
}

/** JSON with sorted keys. Array order is content; key order is not. */
export function canonicalText(value: unknown): string {
  return `${JSON.stringify(sortKeys(value), undefined, 2)}\n`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, member]): [string, unknown] => [key, sortKeys(member)]);
  // Code unit order: the same on every machine, whatever its locale.
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
