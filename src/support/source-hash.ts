/**
 * The hash of tokitai's own sources: what is kept under it is not believed once they have changed. It is the same for the
 * sources and for what tsc made of them, so that the compiled program and a test answer for each other.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { sha256 } from "./hash.ts";
import { parseJson } from "./json.ts";

/** Of every source file in these folders below `src`, as it runs; deeper folders are named by themselves. */
export function sourceHash(folders: readonly string[]): string {
  const root = new URL("../", import.meta.url);
  const files = folders.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root))
      .filter((name) => /\.(js|ts)$/.test(name) && !name.endsWith(".d.ts"))
      .sort()
      .map((name) => [folder, name.replace(/\.js$/, ".ts"), sourceText(new URL(`${folder}/${name}`, root))]),
  );
  return sha256(JSON.stringify(files));
}

/**
 * Of every file of tokitai's as it runs, whatever folder it is in. It takes less time than the other, and is not the same for
 * the sources and for what tsc made of them.
 */
export function programHash(): string {
  const root = fileURLToPath(new URL("../", import.meta.url));
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".map"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return sha256(JSON.stringify(files.map((file) => [relative(root, file), sha256(readFileSync(file))])));
}

/** The TypeScript of a file: its own text, or what the map beside a compiled file says that it was compiled from. */
function sourceText(file: URL): string {
  const text = readFileSync(file, "utf8");
  if (file.pathname.endsWith(".ts")) return text;
  const mapFile = new URL(`${file.href}.map`);
  const map = existsSync(mapFile) ? parseJson(readFileSync(mapFile, "utf8")) : undefined;
  return isMap(map) ? map.sourcesContent[0] : text;
}

function isMap(map: unknown): map is { sourcesContent: readonly [string] } {
  if (typeof map !== "object" || map === null || !("sourcesContent" in map)) return false;
  const { sourcesContent } = map;
  return Array.isArray(sourcesContent) && sourcesContent.length === 1 && typeof sourcesContent[0] === "string";
}
