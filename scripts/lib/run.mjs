/** What the setup scripts share: the project's root, one-line reports, and running a program quietly. */

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** One line on stderr, so that it never mixes with the results of a command. */
export function report(line) {
  process.stderr.write(`setup: ${line}\n`);
}

/** Ends the process after a step that nothing can go on without. */
export function fail(line, output = "") {
  if (output.trim() !== "") process.stderr.write(`${output.trimEnd()}\n`);
  report(line);
  process.exit(1);
}

/** Runs a program in the project's root; its output is returned, not shown. */
export function run(program, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = `${stdout ?? ""}${stderr ?? ""}${error === undefined ? "" : `${error.message}\n`}`;
  return { ok: status === 0, output };
}

export function sha256(...parts) {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
}

/** The path of a program: as it is when it is one, else found on the PATH; `undefined` when absent. */
export function findProgram(name) {
  const folders = name.includes("/") ? [""] : (process.env.PATH ?? "").split(":").filter((folder) => folder !== "");
  return folders.map((folder) => (folder === "" ? name : join(folder, name))).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Absent or not ours to run: for a search, both the same.
    return false;
  }
}
