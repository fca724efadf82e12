/** Takes the GPU code out of a HIP library: one code object per compilation unit and architecture, as files. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error } from "../../support/diagnostic.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { findBundles } from "./code-object.ts";
import { runTool, succeeded, toolEnvironment, toolFailure } from "./run-tool.ts";
import { INSTALL, type Tool } from "./toolchain.ts";

export interface CodeObjectFile {
  /** `gfx1101`, or `gfx90a:xnack-` with its features. */
  readonly architecture: string;
  readonly path: string;
}

export const TOOL_TIMEOUT_MS = 60_000;

/** Writes the code objects into `folder`. TK402: the tool failed; TK406: the library has no GPU code. */
export async function unbundle(
  libraryPath: string,
  folder: string,
  bundler: Tool,
  env: NodeJS.ProcessEnv,
): Promise<Result<readonly CodeObjectFile[]>> {
  const bundles = findBundles(readFileSync(libraryPath));
  if (bundles === undefined) return refuse(unreadable(`${libraryPath} holds no GPU code`));
  const found: CodeObjectFile[] = [];
  for (const [index, bundle] of bundles.entries()) {
    const path = join(folder, `bundle${index}`);
    writeFileSync(path, bundle);
    const listed = await toolOutput(bundler, ["--list", "--type=o", `--input=${path}`], env);
    if (!listed.ok) return listed;
    for (const entry of listed.value.split("\n").filter((line) => /^hip(v4)?-amdgcn-/.test(line))) {
      const architecture = /gfx[0-9a-f]+(:[\w+:-]+)?$/.exec(entry)?.[0] ?? entry;
      const object = `${path}.${architecture.replaceAll(":", "_")}`;
      const args = ["--unbundle", "--type=o", `--input=${path}`, `--targets=${entry}`, `--output=${object}`];
      const unbundled = await toolOutput(bundler, args, env);
      if (!unbundled.ok) return unbundled;
      found.push({ architecture, path: object });
    }
  }
  return ok(found);
}

export async function toolOutput(tool: Tool, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result<string>> {
  const run = await runTool(tool.path, args, { env: toolEnvironment(env), timeoutMs: TOOL_TIMEOUT_MS });
  return succeeded(run) ? ok(run.stdout) : refuse(toolFailure([tool.path, ...args], run, INSTALL.llvm));
}

export function unreadable(message: string): ReturnType<typeof error> {
  return error("TK406", undefined, message, "rebuild the library with hipcc");
}
