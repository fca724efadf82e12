/**
 * The identity of a compilation: what is compiled, by what and with what → a key under which its build can be kept.
 *
 * Two compilations with one key make the same build of the same proof, if the texts that reading their kernels takes in are the
 * same as well, which no key can say beforehand: an entry names them (`build/kept-builds.ts`). A compilation of which something
 * else may decide has no key, and is done.
 *
 * It rests on this: all that decides besides these texts is tokitai's own program, the packages that it calls, the compiler as
 * the cache of libraries knows it too, and the variables below. This file is for runs that have nothing to do: it loads neither
 * TypeScript nor Z3 nor schemas.
 */

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, relative, resolve, sep } from "node:path";
import { sha256 } from "../support/hash.ts";
import { readText } from "../support/read-text.ts";
import { programHash } from "../support/source-hash.ts";
import { VERSION } from "../support/version.ts";
import type { TextHashes } from "./build/kept-builds.ts";
import { PASSED_VARIABLES } from "./build/run-tool.ts";
import type { Tool, Toolchain } from "./build/toolchain.ts";
import type { Emit, Target } from "./emits.ts";
import { packageRoot, resolveInputs } from "./inputs.ts";

/** Raise it when the meaning of keys changes. */
const FORMAT = "tokitai compilation 1";

export interface CompilationInputs {
  readonly inputs: readonly string[];
  readonly cwd: string;
  readonly name: string;
  /** What `build` of each model gets: values that JSON has. */
  readonly config: unknown;
  readonly targets: readonly Target[];
  readonly architectures: readonly string[];
  readonly emits: readonly Emit[];
  /** The text of the tuning file. */
  readonly tuning: string | undefined;
}

/** The key, and the kernel files whose texts an entry has to name. */
export interface CompilationKey {
  readonly key: string;
  readonly kernelFiles: readonly string[];
}

/**
 * `undefined` where the inputs are not there, where a model is not one of this package's (it is a program, which may do anything),
 * and where TOKITAI_DEBUG asks to see the work.
 */
export function compilationKey(request: CompilationInputs, toolchain: Toolchain): CompilationKey | undefined {
  const { inputs, cwd, name, config, targets, architectures, emits, tuning } = request;
  const { env } = toolchain;
  if (env["TOKITAI_DEBUG"] !== undefined) return undefined;
  const { kernelFiles, modelFiles, diagnostics } = resolveInputs(inputs, cwd);
  const models = join(packageRoot(), "models") + sep;
  if (diagnostics.length > 0 || modelFiles.some((file) => !file.startsWith(models))) return undefined;
  const key = sha256(
    JSON.stringify([
      FORMAT,
      [VERSION, programHash(), packages(), process.version, process.platform, process.arch],
      [name, kernelFiles.map((file) => nameOf(file, cwd))],
      modelFiles.map((file) => [nameOf(file, cwd), sha256(readFileSync(file))]),
      exactly(config),
      [targets, architectures, emits],
      tuning === undefined ? null : sha256(tuning),
      compilers(toolchain),
      variables(env),
    ]),
  );
  return { key, kernelFiles: kernelFiles.map((file) => nameOf(file, cwd)) };
}

/** The hashes of the texts that decided what was read; `undefined` where others may have had a say. */
export function textHashes(
  { kernelFiles }: CompilationKey,
  decidedBy: ReadonlyMap<string, string> | undefined,
): TextHashes | undefined {
  if (decidedBy === undefined || kernelFiles.some((file) => !decidedBy.has(file))) return undefined;
  return [...decidedBy].map(([file, text]) => [file, sha256(text)] as const);
}

/** Whether the files have the texts of the hashes, and those of the key are among them. */
export function haveTexts({ kernelFiles }: CompilationKey, cwd: string): (texts: TextHashes) => boolean {
  return (texts) => {
    const named = new Set(texts.map(([file]) => file));
    return (
      kernelFiles.every((file) => named.has(file)) &&
      texts.every(([file, hash]) => {
        const text = readText(resolve(cwd, file));
        return text !== undefined && sha256(text) === hash;
      })
    );
  };
}

/** As spans name it. */
function nameOf(file: string, cwd: string): string {
  return relative(cwd, file).split(sep).join("/");
}

/** JSON, which has no −0, in which it is told from 0. */
function exactly(config: unknown): string {
  return JSON.stringify(config, (_, value: unknown) => (Object.is(value, -0) ? "-0" : value)) ?? "undefined";
}

/** The packages that have a part in what is read, proved or reported: what each says of itself. */
function packages(): readonly string[] {
  const own = createRequire(import.meta.url);
  const tsMorph = own.resolve("ts-morph/package.json");
  // TypeScript itself comes with this one.
  const typescript = createRequire(tsMorph).resolve("@ts-morph/common/package.json");
  const others = ["z3-solver", "zod", "cli-table3"].map((name) => own.resolve(`${name}/package.json`));
  return [tsMorph, typescript, ...others].map((file) => readFileSync(file, "utf8"));
}

/** Every tool that was found, and of the device libraries the names and sizes. The GPU of this machine decides nothing. */
function compilers({ env: _, gpu: __, deviceLibraries, cxx, ...tools }: Toolchain): unknown {
  const named = Object.entries<Tool | undefined>(tools).map(([name, tool]) => [name, tool ?? null]);
  const sizes = deviceLibraries?.files.map((file) => {
    return [file, statSync(join(deviceLibraries.path, file), { throwIfNoEntry: false })?.size ?? null];
  });
  return [cxx ?? null, named, deviceLibraries?.path ?? null, sizes ?? null];
}

/** Where anything is kept, and where a shell looks for its commands, decides no build. */
const WITHOUT_SAY = ["TOKITAI_CACHE", "PATH", "HOME"];

/** The variables of tokitai, those that choose compilers, and those that compilers are passed. */
function variables(env: NodeJS.ProcessEnv): readonly (readonly [string, string | undefined])[] {
  const chosen = ["CXX", "HIPCC", "HIP_DEVICE_LIB_PATH", "DEVICE_LIB_PATH", ...PASSED_VARIABLES];
  const names = Object.keys(env).filter((name) => name.startsWith("TOKITAI_") || chosen.includes(name));
  return names
    .filter((name) => !WITHOUT_SAY.includes(name))
    .sort()
    .map((name) => [name, env[name]] as const);
}
