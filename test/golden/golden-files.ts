/**
 * Golden files: whole texts as they were reviewed, compared exactly.
 *
 * They are written only with TOKITAI_UPDATE_GOLDEN=1 (`npm run golden`); the difference is to be reviewed before it is
 * committed.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const ROOT = import.meta.dirname;
const UPDATE = process.env["TOKITAI_UPDATE_GOLDEN"] === "1";

/** The reviewed text of `path` (relative to this folder); the empty text where there is none. */
export function goldenText(path: string, text: string): string {
  const file = join(ROOT, path);
  if (UPDATE) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

/** Golden files that no test compares with, sorted; an update removes them. */
export function staleFiles(expected: readonly string[]): readonly string[] {
  const stale = readdirSync(ROOT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".txt"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !expected.includes(path))
    .sort();
  if (!UPDATE) return stale;
  for (const path of stale) rmSync(join(ROOT, path));
  return [];
}
