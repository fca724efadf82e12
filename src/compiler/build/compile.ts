/**
 * Compiles generated C++ and HIP into shared libraries: source texts in, a library's bytes and where the cache keeps them out.
 *
 * The same sources, flags and compiler give the same bytes: compilers run in a scratch folder under relative names that are
 * mapped to `.`, with a fixed seed and without build ids. Generated code marks what it exports with
 * `__attribute__((visibility("default")))`; everything else is hidden.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { debug } from "../../support/debug.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { systemErrorCode } from "../../support/durable.ts";
import { sha256 } from "../../support/hash.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { selectArchitectures } from "./architectures.ts";
import { type CacheEntry, lookUp, store } from "./cache.ts";
import { withScratch } from "./cache-folder.ts";
import { deviceLibraryFolder } from "./device-libraries.ts";
import {
  CACHE_FORMAT,
  compileObject,
  type Invoke,
  isUnit,
  keyOf,
  objectName,
  type SourceText,
  seedOf,
} from "./objects.ts";
import { runTool, succeeded, toolEnvironment, toolFailure } from "./run-tool.ts";
import { architecturesOf, type CxxCompiler, hipccClang, INSTALL, type Tool, type Toolchain } from "./toolchain.ts";

interface BuildRequest {
  readonly toolchain: Toolchain;
  /** See `cacheDirectory`. */
  readonly cache: string;
  readonly sources: readonly SourceText[];
  /** Wall time for the compiler; ten minutes unless told. */
  readonly timeoutMs?: number;
}

export interface CpuBuildRequest extends BuildRequest {
  /** With the address and undefined-behaviour sanitizers; kernels at -O1. */
  readonly sanitize?: boolean;
  /** The instruction set, as `-march` takes it (`x86-64-v3`); the compiler's baseline unless told. */
  readonly march?: string;
}

export interface HipBuildRequest extends BuildRequest {
  /** At least one; all of them go into one library. */
  readonly architectures: readonly string[];
}

export interface BuiltLibrary {
  readonly target: "cpu" | "hip";
  /** The cache's copy. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
  /** Names of GPU architectures; empty for the CPU. */
  readonly architectures: readonly string[];
  /** The compiler and its version, in one line. */
  readonly compiler: string;
  /** Flags that decide the code, without paths of this machine. */
  readonly flags: readonly string[];
  readonly warnings: string;
  /** True when no compiler ran. */
  readonly cached: boolean;
}

const TIMEOUT_MS = 600_000;

/** No contraction: a fused multiply-add where the kernel has none would change the bits from target to target. */
const COMMON_FLAGS = ["-std=c++17", "-shared", "-fPIC", "-fvisibility=hidden", "-ffp-contract=off"];
/**
 * `nodelete`: the threads of the OpenMP and HIP runtimes outlive every call, so that unmapping the library, as a process
 * does at its end, would take the code from under them.
 */
const LINK_FLAGS = ["-Wl,--build-id=none", "-Wl,-z,nodelete"];

/** What hipcc passes on by itself, and the version of code objects for which older device libraries have constants. */
const CLANG_FLAGS = ["-x", "hip", "-mcode-object-version=5", "-lamdhip64"];

/** Variables that change which installation hipcc uses. */
const HIP_VARIABLES = ["ROCM_PATH", "HIP_PATH", "HIP_CLANG_PATH", "HSA_PATH"];

/** Builds the CPU library. TK401: no compiler; TK402: it failed; TK403: it took too long; TK407: the cache is unusable. */
export async function buildCpu(request: CpuBuildRequest): Promise<Result<BuiltLibrary>> {
  const { cxx } = request.toolchain;
  if (cxx === undefined) return refuse(error("TK401", undefined, "no C++ compiler is installed", INSTALL.cxx));
  const flags = [...COMMON_FLAGS, ...cpuFlags(cxx, request), ...LINK_FLAGS];
  // Most of the text are checks, each done once a call: what optimising them takes is far more than what it saves.
  const launcherFlags = [request.sanitize === true ? "-O0" : "-O1"];
  const compilation: Compilation = { target: "cpu", compiler: cxx, flags, launcherFlags, fix: INSTALL.cxx };
  return guardCache(request.cache, () => build(request, compilation));
}

/**
 * Builds one HIP library for all `architectures`. TK401 for each tool that is missing, TK404 for each architecture that cannot
 * be built for, TK405 when the device libraries cannot be completed; otherwise as `buildCpu`. Needs no GPU.
 */
export async function buildHip(request: HipBuildRequest): Promise<Result<BuiltLibrary>> {
  const { hipcc, deviceLibraries } = request.toolchain;
  const missing = missingForHip(request.toolchain);
  if (hipcc === undefined || deviceLibraries === undefined || missing.length > 0) return refuse(...missing);
  const selected = selectArchitectures(request.architectures, architecturesOf(request.toolchain));
  if (!selected.ok) return selected;
  return guardCache(request.cache, async () => {
    const folder = await deviceLibraryFolder(request.toolchain, selected.value, request.cache);
    if (!folder.ok) return folder;
    const architectures = selected.value.map(({ name }) => name);
    const offload = architectures.map((name) => `--offload-arch=${name}`);
    const variables = HIP_VARIABLES.map((name) => `${name}=${request.toolchain.env[name] ?? ""}`);
    const { newClang, bundler } = request.toolchain;
    const isNew = selected.value.some(({ clang = 0 }) => clang > hipccClang(request.toolchain));
    const direct = isNew && newClang !== undefined;
    if (direct && bundler === undefined) {
      return refuse(error("TK401", undefined, "clang-offload-bundler is not installed", INSTALL.bundler));
    }
    return build(request, {
      target: "hip",
      compiler: direct ? newClang : hipcc,
      flags: [...COMMON_FLAGS, "-O3", ...offload, ...(direct ? CLANG_FLAGS : []), ...LINK_FLAGS],
      local: [`--hip-device-lib-path=${folder.value.path}`, ...(direct ? rocmPath(request.toolchain) : [])],
      // A distribution may have the bundler with another version of clang than this one, which looks beside itself.
      folders: direct && bundler !== undefined ? [dirname(bundler.path)] : [],
      dependsOn: [folder.value.identity, ...variables],
      architectures,
      fix: INSTALL.hipcc,
    });
  });
}

interface Compiled {
  readonly bytes: Uint8Array;
  readonly warnings: string;
}

interface Compilation {
  readonly target: "cpu" | "hip";
  readonly compiler: Tool;
  readonly flags: readonly string[];
  /** Flags of files that check and call, after the others. */
  readonly launcherFlags?: readonly string[];
  /** Flags with paths of this machine, which do not decide the code. */
  readonly local?: readonly string[];
  /** Where the compiler finds tools that are not on the PATH. */
  readonly folders?: readonly string[];
  /** What else the library's bytes depend on. */
  readonly dependsOn?: readonly string[];
  readonly architectures?: readonly string[];
  readonly fix: string;
}

async function build(request: BuildRequest, compilation: Compilation): Promise<Result<BuiltLibrary>> {
  const { target, compiler, flags, launcherFlags = [], dependsOn = [], architectures = [] } = compilation;
  const sources = checkSources(request.sources);
  const key = sha256(
    JSON.stringify([
      CACHE_FORMAT,
      target,
      [compiler.path, compiler.identity],
      flags,
      launcherFlags,
      dependsOn,
      sources.map(keyOf),
    ]),
  );
  const finish = (entry: CacheEntry, cached: boolean): Result<BuiltLibrary> => {
    const { path, bytes, sha256: hash, warnings } = entry;
    const shared = { path, bytes, sha256: hash, warnings, cached };
    return ok({ target, architectures, compiler: compiler.identity, flags, ...shared });
  };
  const hit = lookUp(request.cache, key, "so");
  if (hit !== undefined) return finish(hit, true);
  return withScratch(request.cache, async (scratch) => {
    const compiled = await runCompiler(request, compilation, scratch, key);
    if (!compiled.ok) return compiled;
    const { bytes, warnings } = compiled.value;
    return finish(store(request.cache, key, "so", bytes, warnings, scratch), false);
  });
}

async function runCompiler(
  request: BuildRequest,
  compilation: Compilation,
  scratch: string,
  key: string,
): Promise<Result<Compiled>> {
  const { target, compiler, flags, launcherFlags = [], local = [], folders = [], fix } = compilation;
  for (const { name, text } of request.sources) writeFileSync(join(scratch, name), text);
  const deadline = performance.now() + (request.timeoutMs ?? TIMEOUT_MS);
  const invoke: Invoke = async (args) => {
    debug(1, () => [compiler.path, ...args].join(" "));
    const run = await runTool(compiler.path, args, {
      cwd: scratch,
      env: toolEnvironment(request.toolchain.env, scratch, folders),
      timeoutMs: Math.max(1, deadline - performance.now()),
    });
    if (!succeeded(run)) return refuse(toolFailure([compiler.path, ...args], run, fix));
    return ok(run.stderr.replaceAll(scratch, "."));
  };
  const units = request.sources.filter(isUnit);
  const work = {
    compiler,
    flags,
    launcherFlags,
    sources: request.sources,
    cache: request.cache,
    scratch,
    deadline,
    invoke,
  };
  const objects = await Promise.all((target === "cpu" ? units : []).map((unit) => compileObject(unit, work)));
  const failed = objects.flatMap((object) => (object.ok ? [] : object.diagnostics));
  if (failed.length > 0) return refuse(...failed);
  const inputs = target === "cpu" ? units.map(objectName) : units.map(({ name }) => name);
  // clang names its registration symbols after the compilation unit's id, which else is a hash of paths.
  const seed = target === "hip" ? `-cuid=${key.slice(0, 16)}` : seedOf(key);
  const output = "library.so";
  const linked = await invoke([...flags, ...local, seed, `-ffile-prefix-map=${scratch}=.`, ...inputs, "-o", output]);
  if (!linked.ok) return linked;
  const warnings = [...objects, linked].map((part) => (part.ok ? part.value : "")).join("");
  return ok({ bytes: readFileSync(join(scratch, output)), warnings });
}

/** `errno` is not part of the ABI, so that a square root is one instruction. */
function cpuFlags(cxx: CxxCompiler, { sanitize = false, march }: CpuBuildRequest): readonly string[] {
  const openmp = cxx.openmp === undefined ? [] : ["-fopenmp"];
  const target = march === undefined ? [] : [`-march=${march}`];
  if (!sanitize) return ["-O3", "-fno-math-errno", ...target, ...openmp, "-Wl,-z,defs"];
  const shared = cxx.family === "clang" ? ["-shared-libsan"] : [];
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"];
  return ["-O1", "-g1", ...target, ...openmp, ...sanitizers, ...shared];
}

/** The installation with HIP's headers and runtime, of whose folder `bin` hipcc is in. */
function rocmPath({ hipcc }: Toolchain): readonly string[] {
  return hipcc === undefined ? [] : [`--rocm-path=${dirname(dirname(hipcc.path))}`];
}

function missingForHip({ hipcc, deviceLibraries, hipRuntime, lld }: Toolchain): readonly Diagnostic[] {
  const needed = [
    { found: hipcc, name: "hipcc is not installed", install: INSTALL.hipcc },
    { found: deviceLibraries, name: "the ROCm device libraries are missing", install: INSTALL.deviceLibraries },
    { found: hipRuntime, name: "the HIP runtime libamdhip64 is missing", install: INSTALL.hipRuntime },
    { found: lld, name: "the linker lld is missing", install: INSTALL.lld },
  ];
  return needed.flatMap(({ found, name, install }) => (found ? [] : [error("TK401", undefined, name, install)]));
}

function checkSources(sources: readonly SourceText[]): readonly SourceText[] {
  const names = sources.map(({ name }) => name);
  if (!sources.some(isUnit)) throw new InternalError("a build without a .cpp file");
  if (new Set(names).size !== names.length || names.some((name) => !/^\w[\w.-]*$/.test(name))) {
    throw new InternalError(`a build with unfit file names: ${names.join(", ")}`);
  }
  return sources;
}

/** A cache that cannot be written is the user's to repair, not a defect. */
async function guardCache<T>(cache: string, work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work();
  } catch (cause) {
    const message = `the build cache ${cache} cannot be used: ${systemErrorCode(cause)}`;
    return refuse(error("TK407", undefined, message, "set TOKITAI_CACHE to a folder that can be written"));
  }
}
