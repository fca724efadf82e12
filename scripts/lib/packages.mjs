/** The npm packages: installed when node_modules does not hold exactly what package-lock.json names. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, ROOT, report, run } from "./run.mjs";

/** Ends the process when this Node is older than package.json demands. */
export function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const wanted = engines.node.replace(/^>=/, "").split(".").map(Number);
  const actual = process.versions.node.split(".").map(Number);
  if (compare(actual, wanted) < 0)
    fail(`Node ${process.versions.node} is too old: install Node ${wanted.join(".")} or newer`);
}

function compare(a, b) {
  const position = b.findIndex((part, index) => part !== (a[index] ?? 0));
  return position < 0 ? 0 : (a[position] ?? 0) - b[position];
}

/** Installs the packages when need be, and makes sure that those with native code load. */
export function installPackages() {
  if (packagesMatch()) return;
  report("installing the npm packages with npm ci");
  // No dependency needs its install script: koffi and esbuild bring their binaries as packages of their own.
  const installed = run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!installed.ok) fail("npm ci failed; with network access, run it again", installed.output);
  const natives = {
    koffi: 'process.exit(typeof require("koffi").load === "function" ? 0 : 1)',
    esbuild: 'require("esbuild").transformSync("1")',
  };
  for (const [name, program] of Object.entries(natives)) {
    const loaded = run(process.execPath, ["-e", program]);
    if (!loaded.ok) fail(`the package ${name} has no binary that runs on this machine`, loaded.output);
  }
}

/**
 * npm leaves a copy of what it installed in node_modules, written last. It must be a part of package-lock.json, and lack only
 * packages that are optional (those for other systems).
 */
function packagesMatch() {
  const installedFile = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) return false;
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
  const same = Object.entries(installed).every(
    ([path, entry]) =>
      wanted[path]?.version === entry.version &&
      wanted[path]?.integrity === entry.integrity &&
      existsSync(join(ROOT, path, "package.json")),
  );
  return same && Object.entries(wanted).every(([path, { optional }]) => path === "" || optional || path in installed);
}
