/** Python with numpy and safetensors, which `npm run setup` puts into .tokitai/python: scripts in, their output out. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const PYTHON = fileURLToPath(new URL("../../.tokitai/python/bin/python", import.meta.url));

/** Where CI is set it counts as there, so that tests fail and are not left out. */
export function hasPython(): boolean {
  const inCi = (process.env["CI"] ?? "") !== "";
  return inCi || existsSync(PYTHON);
}

export function runPython(script: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(PYTHON, ["-c", script, ...args], { encoding: "utf8" });
  if (error !== undefined) throw new Error(`${PYTHON} is missing: run npm run setup -- --again (${error.message})`);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}
