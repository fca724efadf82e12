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

test("the hash of the program changes with any of its files, and not with its source maps", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tokitai-hash-"));
  const hash = async (): Promise<string> => {
    const compiled = await import(pathToFileURL(join(folder, "support/source-hash.js")).href);
    return compiled.programHash();
  };
  try {
    cpSync(join(DIST, "support"), join(folder, "support"), { recursive: true });
    const first = await hash();
    writeFileSync(join(folder, "support/json.js.map"), "{}");
    expect(await hash()).toBe(first);
    const found = new Set([first]);
    for (const [name, text] of [
      ["support/json.js", "export {};\n"],
      ["support/json.d.ts", "export {};\n"],
      ["support/another.js", ""],
      ["another.js", ""],
      ["another.js", " "],
    ] as const) {
      writeFileSync(join(folder, name), text);
      found.add(await hash());
    }
    expect(found.size).toBe(6);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
