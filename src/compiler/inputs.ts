/**
 * Inputs of a compilation: what the user named → kernel files and models.
 *
 * A name is a built-in model (`moe`), a folder of kernels, a kernel file, or a model file: one that exports `build`.
 * A model is compiled with the kernels of this package, and with any kernels named beside it, which come first.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Diagnostic, error } from "../support/diagnostic.ts";

export interface Inputs {
  /** Absolute paths, in the order of their names within each input. */
  readonly kernelFiles: readonly string[];
  readonly modelFiles: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

const BUILT_IN_MODELS: Readonly<Record<string, string>> = { moe: "models/moe.ts" };

/** The folder of this package: above `src` in a checkout, above `dist` when built. */
export function packageRoot(): string {
  return fileURLToPath(new URL("../../", import.meta.url));
}

/** TK410: nothing there; TK411: a folder without kernels. */
export function resolveInputs(names: readonly string[], cwd: string): Inputs {
  const kernelFiles: string[] = [];
  const modelFiles: string[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const name of names) {
    const builtIn = Object.hasOwn(BUILT_IN_MODELS, name) ? BUILT_IN_MODELS[name] : undefined;
    const path = builtIn === undefined ? resolve(cwd, name) : join(packageRoot(), builtIn);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) {
      const models = Object.keys(BUILT_IN_MODELS).join(", ");
      diagnostics.push(
        error("TK410", undefined, `there is no ${name}`, `name a kernel file, a folder, or a model (${models})`),
      );
    } else if (stats.isDirectory()) {
      const files = typescriptFiles(path);
      if (files.length === 0)
        diagnostics.push(error("TK411", undefined, `no .ts file in ${name}`, "name a folder of kernels"));
      for (const file of files) (isModel(file) ? modelFiles : kernelFiles).push(file);
    } else (isModel(path) ? modelFiles : kernelFiles).push(path);
  }
  if (modelFiles.length > 0) kernelFiles.push(...typescriptFiles(join(packageRoot(), "kernels")));
  return { kernelFiles: [...new Set(kernelFiles)], modelFiles: [...new Set(modelFiles)], diagnostics };
}

function typescriptFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !relative(folder, path).split("/").includes("node_modules"))
    .sort();
}

function isModel(path: string): boolean {
  return /^export\s+(?:function|const)\s+build\b/m.test(readFileSync(path, "utf8"));
}
