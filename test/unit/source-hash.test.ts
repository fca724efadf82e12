/** The compiled program and the sources that a test runs know each other's proofs, and nobody else's. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { sourceHash } from "../../src/support/source-hash.ts";
import { METHOD_FOLDERS } from "../../src/verify/kinds/equivalence.ts";

const DIST = new URL("../../dist", import.meta.url).pathname;

/** What the program compiled into a folder calls its own sources. */
async function hashIn(dist: string, folders: readonly string[]): Promise<string> {
  const compiled = await import(pathToFileURL(join(dist, "support/source-hash.js")).href);
  return compiled.sourceHash(folders);
}

test("what tsc compiled has the hash of its sources", async () => {
  expect(await hashIn(DIST, METHOD_FOLDERS)).toBe(sourceHash(METHOD_FOLDERS));
});

test("a program compiled from other sources has another hash, with and without its source maps", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-hash-"));
  try {
    cpSync(join(DIST, "support"), join(folder, "support"), { recursive: true });
    const map = join(folder, "support/json.js.map");
    const parsed = JSON.parse(readFileSync(map, "utf8"));
    writeFileSync(map, JSON.stringify({ ...parsed, sourcesContent: [`${parsed.sourcesContent[0]}\n`] }));
    const changed = await hashIn(folder, ["support"]);
    rmSync(map);
    const bare = await hashIn(folder, ["support"]);
    expect(new Set([sourceHash(["support"]), changed, bare]).size).toBe(3);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
