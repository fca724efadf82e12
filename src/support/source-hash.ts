/** The hash of tokitai's own sources: what is kept under it is not believed once they have changed. */

import { readdirSync, readFileSync } from "node:fs";
import { sha256 } from "./hash.ts";

/** Of every source file in these folders below `src`, as it runs; deeper folders are named by themselves. */
export function sourceHash(folders: readonly string[]): string {
  const source = new URL("../", import.meta.url);
  const files = folders.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, source))
      .filter((name) => /\.(js|ts)$/.test(name) && !name.endsWith(".d.ts"))
      .sort()
      .map((name) => [folder, name, readFileSync(new URL(`${folder}/${name}`, source), "utf8")]),
  );
  return sha256(JSON.stringify(files));
}
