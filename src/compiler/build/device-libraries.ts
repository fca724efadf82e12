/**
 * Completes the ROCm device libraries: the architectures of a build in, the folder that hipcc has to use out.
 *
 * Each architecture needs a file that defines one constant, `__oclc_ISA_version`. The libraries of ROCm 5.2, which Debian 12
 * ships, know the code generator's gfx11xx but lack these files. Then a folder of the cache is made with links to all installed
 * files and the missing constants, in the form of an installed one. Installations that have the files are used as they are.
 */

import { existsSync, mkdirSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error } from "../../support/diagnostic.ts";
import { systemErrorCode } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { type Architecture, architectureOfIsaFile, completable, isaFileName } from "./architectures.ts";
import { withScratch } from "./cache-folder.ts";
import { runTool, succeeded, toolEnvironment, toolFailure } from "./run-tool.ts";
import { type DeviceLibraries, INSTALL, type Tool, type Toolchain } from "./toolchain.ts";

/** The installed constant whose form is copied; the value is that of the file's own architecture. */
const CONSTANT = /^(@__oclc_ISA_version = .*\bi32 )(\d+)(?=,|$)/m;

const TIMEOUT_MS = 30_000;

export interface DeviceLibraryFolder {
  readonly path: string;
  /** Names and sizes of its files, as text: what a build depends on. */
  readonly identity: string;
}

/** The folder with the constants of all `architectures`; TK401, TK402 or TK405 when it cannot be had. */
export async function deviceLibraryFolder(
  tc: Toolchain,
  architectures: readonly Architecture[],
  cache: string,
): Promise<Result<DeviceLibraryFolder>> {
  const libraries = tc.deviceLibraries;
  if (libraries === undefined) {
    return refuse(error("TK401", undefined, "the ROCm device libraries are missing", INSTALL.deviceLibraries));
  }
  const listing = libraries.files.map((file) => `${file} ${statSync(join(libraries.path, file)).size}`).join("\n");
  const missing = completable().filter((architecture) => !libraries.files.includes(isaFileName(architecture)));
  const needed = architectures.filter((architecture) => missing.some(({ name }) => name === architecture.name));
  if (needed.length === 0) return ok({ path: libraries.path, identity: listing });

  const { llvmAs, llvmDis } = tc;
  const names = needed.map(({ name }) => name).join(", ");
  if (llvmAs === undefined || llvmDis === undefined) {
    const message = `the device libraries in ${libraries.path} lack ${names}, and llvm-as and llvm-dis to add them are missing`;
    return refuse(error("TK401", undefined, message, INSTALL.llvm));
  }
  const made = missing.map(isaFileName).join("\n");
  const identity = [listing, made, llvmAs.identity].join("\n");
  const folder = join(cache, "device-libraries", sha256([libraries.path, identity].join("\n")).slice(0, 32));
  if (isComplete(folder, libraries, missing)) return ok({ path: folder, identity });
  return withScratch(cache, async (scratch) => {
    const built = await buildFolder(scratch, libraries, missing, llvmAs, llvmDis, tc.env);
    if (!built.ok) return built;
    publish(built.value, folder, scratch);
    return ok({ path: folder, identity });
  });
}

async function buildFolder(
  scratch: string,
  libraries: DeviceLibraries,
  missing: readonly Architecture[],
  llvmAs: Tool,
  llvmDis: Tool,
  env: NodeJS.ProcessEnv,
): Promise<Result<string>> {
  // The newest installed architecture below the missing ones has the form that is nearest to theirs.
  const model = libraries.files
    .flatMap((file) => architectureOfIsaFile(file) ?? [])
    .sort((a, b) => b.isa - a.isa)
    .find(({ isa }) => isa < 11_000);
  if (model === undefined) {
    return refuse(
      error("TK405", undefined, `${libraries.path} has no ISA constant to copy the form of`, INSTALL.deviceLibraries),
    );
  }
  const options = { env: toolEnvironment(env, scratch), timeoutMs: TIMEOUT_MS };
  const source = join(libraries.path, isaFileName(model));
  const disassemble = [llvmDis.path, source, "-o", "-"];
  const read = await runTool(llvmDis.path, disassemble.slice(1), options);
  if (!succeeded(read)) return refuse(toolFailure(disassemble, read, INSTALL.llvm));
  if (CONSTANT.exec(read.stdout)?.[2] !== String(model.isa)) {
    return refuse(
      error("TK405", undefined, `${source} does not define ${model.isa} as expected`, INSTALL.deviceLibraries),
    );
  }
  const folder = join(scratch, "device-libraries");
  mkdirSync(folder);
  for (const file of libraries.files) symlinkSync(join(libraries.path, file), join(folder, file));
  for (const architecture of missing) {
    const text = join(scratch, `${architecture.name}.ll`);
    writeFileSync(text, read.stdout.replace(CONSTANT, `$1${architecture.isa}`));
    const assemble = [llvmAs.path, text, "-o", join(folder, isaFileName(architecture))];
    const run = await runTool(llvmAs.path, assemble.slice(1), options);
    if (!succeeded(run)) return refuse(toolFailure(assemble, run, INSTALL.llvm));
  }
  return ok(folder);
}

/** Renames a finished folder into place; a folder that another process put there meanwhile is the same and wins. */
function publish(built: string, folder: string, scratch: string): void {
  mkdirSync(join(folder, ".."), { recursive: true });
  // What stands there is not complete, or it would have been used.
  if (existsSync(folder)) renameSync(folder, join(scratch, "incomplete"));
  try {
    renameSync(built, folder);
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw cause;
  }
}

function isComplete(folder: string, { files }: DeviceLibraries, made: readonly Architecture[]): boolean {
  if (!existsSync(folder)) return false;
  const present = readdirSync(folder);
  const wanted = [...files, ...made.map(isaFileName)];
  return wanted.every(
    (file) => present.includes(file) && existsSync(join(folder, file)) && statSync(join(folder, file)).size > 0,
  );
}
