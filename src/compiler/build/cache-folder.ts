/** The folder that everything is kept in between runs: where it is, and folders of it to work in. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** `$TOKITAI_CACHE`, or `~/.cache/tokitai`. */
export function cacheDirectory(env: NodeJS.ProcessEnv): string {
  const named = env["TOKITAI_CACHE"];
  return named === undefined || named === "" ? join(env["HOME"] ?? homedir(), ".cache", "tokitai") : named;
}

/** Where proofs are kept (`verify/proof-cache.ts`). */
export function proofDirectory(env: NodeJS.ProcessEnv): string {
  return join(cacheDirectory(env), "proofs");
}

/** Runs `work` in a new folder of the cache, and removes the folder afterwards. */
export async function withScratch<T>(directory: string, work: (scratch: string) => Promise<T>): Promise<T> {
  const parent = join(directory, "tmp");
  mkdirSync(parent, { recursive: true });
  sweep(parent);
  const scratch = mkdtempSync(join(parent, `${process.pid}-`));
  try {
    return await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Removes the scratch folders of processes that were killed. */
function sweep(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    if (Number.isInteger(pid) && pid !== process.pid && !existsSync(`/proc/${pid}`)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}
