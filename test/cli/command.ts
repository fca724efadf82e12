/** The command line as a process: arguments in, exit code and what it printed out. */

import { spawnSync } from "node:child_process";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `tokitai` in `cwd`. */
export function runTokitai(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended {
  return runNode(cwd, [join(ROOT, "bin/tokitai.js"), ...args], env);
}

export function runNode(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args], {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { code: status, stdout, stderr };
}
