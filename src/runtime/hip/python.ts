/**
 * What the bridge needs of this machine: a Python interpreter, which for a GPU has hip-python, and for the emulator a
 * checkout of tinygrad.
 */

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../compiler/inputs.ts";

/** The environment that `npm run setup` has made, or else the system's; `TOKITAI_PYTHON` names another one. */
export function bridgePython(env: NodeJS.ProcessEnv): string {
  const made = join(packageRoot(), ".tokitai/python/bin/python");
  return env["TOKITAI_PYTHON"] ?? (existsSync(made) ? made : "python3");
}

export interface Found {
  readonly path: string;
  readonly version: string;
}

/** The hip-python of the bridge's interpreter. Its first two numbers are those of the HIP that it was made for. */
export function findHipPython(env: NodeJS.ProcessEnv): Found | undefined {
  const python = bridgePython(env);
  const program = "from importlib.metadata import version; print(version('hip-python'))";
  try {
    const output = execFileSync(python, ["-c", program], { env, stdio: ["ignore", "pipe", "ignore"] });
    return { path: python, version: output.toString("utf8").trim() };
  } catch {
    // No interpreter, or no such package.
    return undefined;
  }
}

/** The checkout that `TOKITAI_TINYGRAD` names, where it has the emulator. */
export function findEmulator(env: NodeJS.ProcessEnv): Found | undefined {
  const path = env["TOKITAI_TINYGRAD"];
  if (path === undefined || !existsSync(join(path, "test/mockgpu/amd/emu.py"))) return undefined;
  const project = join(path, "pyproject.toml");
  const text = existsSync(project) ? readFileSync(project, "utf8") : "";
  return { path, version: /^version = "(.+)"$/m.exec(text)?.[1] ?? "of an unknown version" };
}
