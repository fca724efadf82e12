/** tokitai's version, as package.json says; part of every cache key and manifest. */

import { readFileSync } from "node:fs";

function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const found: unknown = JSON.parse(text);
  if (typeof found !== "object" || found === null || !("version" in found)) return "0.0.0";
  return String(found.version);
}

export const VERSION = readVersion();
