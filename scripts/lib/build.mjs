/** dist/: built again when a source, a tsconfig or the compiler's version changed since the last build that succeeded. */

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fail, ROOT, report, run, sha256 } from "./run.mjs";

const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".sources.sha256");
const INPUTS = ["tsconfig.json", "tsconfig.build.json", "package-lock.json"];

export function buildDist() {
  const sources = filesBelow(join(ROOT, "src"));
  const parts = [...INPUTS.map((name) => join(ROOT, name)), ...sources].flatMap((path) => [
    relative(ROOT, path),
    readFileSync(path),
  ]);
  const hash = sha256(...parts);
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash) return;
  // Without a stamp nothing is known of what lies there, and the compiler's own record of it may lie.
  if (!existsSync(STAMP)) rmSync(DIST, { recursive: true, force: true });
  // A build that fails leaves mixed files: until one succeeds, nothing stands for the state of dist/.
  rmSync(STAMP, { force: true });
  report("building dist/ with tsc");
  const built = run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]);
  if (!built.ok) fail("the sources have type errors", built.output);
  prune(sources);
  writeFileSync(STAMP, hash);
}

/** Removes what was built from sources that are gone. */
function prune(sources) {
  const stems = new Set(sources.map((path) => relative(join(ROOT, "src"), path).replace(/\.ts$/, "")));
  for (const path of filesBelow(DIST)) {
    const output = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(relative(DIST, path));
    if (output !== null && !stems.has(output[1])) rmSync(path);
  }
}

function filesBelow(folder) {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.sort();
}
