/**
 * Finds the compilers and libraries of this machine: environment in, a `Toolchain` out. What is absent is `undefined`.
 *
 * The LLVM tools, the device libraries and the HIP runtime are taken from the installation that hipcc belongs to: a ROCm
 * folder (`/opt/rocm`), or the distribution's packages, whose LLVM has the version of hipcc's clang.
 */

import { accessSync, constants, existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Architecture, availableArchitectures, parseArchitecture } from "./architectures.ts";
import { runTool, succeeded, toolEnvironment } from "./run-tool.ts";

export interface Tool {
  readonly path: string;
  /** `12.2.0`. */
  readonly version: string;
  /** Everything that identifies the tool's build; part of cache keys. */
  readonly identity: string;
}

export interface CxxCompiler extends Tool {
  readonly family: "gcc" | "clang";
  /** Path of the OpenMP runtime, when the compiler has one. */
  readonly openmp: string | undefined;
  /** The address sanitizer's runtime: what `LD_PRELOAD` must name before a process can load a sanitized library. */
  readonly sanitizer: string | undefined;
}

export interface DeviceLibraries {
  readonly path: string;
  /** File names, sorted. */
  readonly files: readonly string[];
}

interface Gpu {
  readonly path: string;
  /** `gfx1101`, one per GPU, in the kernel driver's order. */
  readonly architectures: readonly string[];
}

export interface Toolchain {
  readonly env: NodeJS.ProcessEnv;
  readonly cxx: CxxCompiler | undefined;
  readonly hipcc: Tool | undefined;
  readonly llvmAs: Tool | undefined;
  readonly llvmDis: Tool | undefined;
  readonly readelf: Tool | undefined;
  readonly objdump: Tool | undefined;
  readonly bundler: Tool | undefined;
  readonly lld: Tool | undefined;
  /** A clang of version 19 or newer beside hipcc's, with its own lld: for architectures that hipcc's does not know. */
  readonly newClang: Tool | undefined;
  readonly deviceLibraries: DeviceLibraries | undefined;
  readonly hipRuntime: Tool | undefined;
  readonly gpu: Gpu | undefined;
}

const VERSION_TIMEOUT_MS = 10_000;
const KFD = "/dev/kfd";
const KFD_NODES = "/sys/class/kfd/kfd/topology/nodes";

/** Looks at the machine; runs each tool with `--version`, and nothing else. */
export async function findToolchain(env: NodeJS.ProcessEnv): Promise<Toolchain> {
  const roots = rocmRoots(env);
  const [cxx, hipcc] = await Promise.all([
    findCxx(env),
    probe(env, [env["HIPCC"], onPath(env, ["hipcc"]), ...roots.map((root) => join(root, "bin/hipcc"))]),
  ]);
  const root = hipcc && rocmRootOf(hipcc.path);
  const llvm = llvmFolders(root, hipcc && /clang version (\d+)/.exec(hipcc.identity)?.[1]);
  const find = (name: string): Promise<Tool | undefined> => probe(env, llvmCandidates(env, llvm, name));
  const [llvmAs, llvmDis, readelf, bundler, objdump, lld] = await Promise.all([
    ...["llvm-as", "llvm-dis", "llvm-readelf", "clang-offload-bundler"].map(find),
    // A newer one knows the instructions of more architectures.
    probe(env, llvmCandidates(env, root === undefined ? versionedLlvm() : llvm, "llvm-objdump")),
    // A distribution's clang looks for the linker beside itself and on the PATH, and nowhere else.
    root === undefined ? probe(env, [onPath(env, ["ld.lld"])]) : find("ld.lld"),
  ]);
  const newClang = await probe(env, [newestClang()]);
  const deviceLibraries = findDeviceLibraries(env, root, llvm);
  return {
    env,
    cxx,
    hipcc,
    llvmAs,
    llvmDis,
    readelf,
    objdump,
    bundler,
    lld,
    newClang,
    deviceLibraries,
    hipRuntime: findHipRuntime(root),
    gpu: findGpu(),
  };
}

/** As `findToolchain`, of what a build for the CPU alone needs. */
export async function findCpuToolchain(env: NodeJS.ProcessEnv): Promise<Toolchain> {
  return {
    env,
    cxx: await findCxx(env),
    hipcc: undefined,
    llvmAs: undefined,
    llvmDis: undefined,
    readelf: undefined,
    objdump: undefined,
    bundler: undefined,
    lld: undefined,
    newClang: undefined,
    deviceLibraries: undefined,
    hipRuntime: undefined,
    gpu: undefined,
  };
}

async function findCxx(env: NodeJS.ProcessEnv): Promise<CxxCompiler | undefined> {
  const named = env["CXX"];
  const tool = await probe(env, [
    named === undefined || named.includes("/") ? named : onPath(env, [named]),
    onPath(env, ["g++", "clang++", "c++"]),
    ...versionedLlvm().map((folder) => join(folder, "clang++")),
  ]);
  if (tool === undefined) return undefined;
  const family = /clang/i.test(tool.identity) ? "clang" : "gcc";
  const names = family === "gcc" ? ["libgomp.so", "libasan.so"] : ["libomp.so", "libclang_rt.asan-x86_64.so"];
  const [openmp, sanitizer] = await Promise.all(names.map((name) => libraryOf(env, tool, name)));
  return { ...tool, family, openmp, sanitizer };
}

/** The compiler's own library of that name; it answers with a bare name when it has none. */
async function libraryOf(env: NodeJS.ProcessEnv, tool: Tool, name: string): Promise<string | undefined> {
  const run = await runTool(tool.path, [`-print-file-name=${name}`], options(env));
  const path = run.stdout.trim();
  return succeeded(run) && path.includes("/") && existsSync(path) ? realpathSync(path) : undefined;
}

/** The first candidate that runs and names its version. */
async function probe(env: NodeJS.ProcessEnv, candidates: readonly (string | undefined)[]): Promise<Tool | undefined> {
  for (const path of candidates) {
    if (path === undefined || !isExecutable(path)) continue;
    const run = await runTool(path, ["--version"], options(env));
    const version = /\d+\.\d+(\.\d+)?/.exec(run.stdout)?.[0];
    if (succeeded(run) && version !== undefined) return { path, version, identity: identityOf(run.stdout) };
  }
  return undefined;
}

/** The lines of `--version` that name a version; the rest is folders and copyright. */
function identityOf(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  return lines.filter((line) => /\d+\.\d+/.test(line) && !line.includes("InstalledDir")).join("; ");
}

function options(env: NodeJS.ProcessEnv): { env: NodeJS.ProcessEnv; timeoutMs: number } {
  return { env: toolEnvironment(env), timeoutMs: VERSION_TIMEOUT_MS };
}

function onPath(env: NodeJS.ProcessEnv, names: readonly string[]): string | undefined {
  const folders = (env["PATH"] ?? "").split(":").filter((folder) => folder.startsWith("/"));
  for (const name of names) {
    const path = folders.map((folder) => join(folder, name)).find(isExecutable);
    if (path !== undefined) return path;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    // Absent, a dangling link or not ours to run: for a search, all the same.
    return false;
  }
}

function rocmRoots(env: NodeJS.ProcessEnv): readonly string[] {
  return [...(env["ROCM_PATH"] === undefined ? [] : [env["ROCM_PATH"]]), "/opt/rocm"];
}

/** `/opt/rocm-6.0/bin/hipcc` → `/opt/rocm-6.0`; `undefined` for a distribution's package, which has no LLVM beside it. */
function rocmRootOf(hipcc: string): string | undefined {
  const roots = [hipcc, realpathSync(hipcc)].map((path) => dirname(dirname(path)));
  return roots.find((root) => existsSync(join(root, "llvm/bin")));
}

/** Folders of LLVM tools, best first: hipcc's own, the version of hipcc's clang, then any, newest first. */
function llvmFolders(root: string | undefined, major: string | undefined): readonly string[] {
  const own = root === undefined ? [] : [join(root, "llvm/bin")];
  const same = major === undefined ? [] : [`/usr/lib/llvm-${major}/bin`];
  return [...new Set([...own, ...same, ...versionedLlvm()])];
}

function versionedLlvm(): readonly string[] {
  const versions = listFolder("/usr/lib").flatMap((name) => /^llvm-(\d+)$/.exec(name)?.[1] ?? []);
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/llvm-${version}/bin`);
}

function newestClang(): string | undefined {
  const folder = versionedLlvm().find((path) => ["clang++", "ld.lld"].every((tool) => existsSync(join(path, tool))));
  const version = Number(/llvm-(\d+)/.exec(folder ?? "")?.[1] ?? 0);
  return folder === undefined || version < 19 ? undefined : join(folder, "clang++");
}

function llvmCandidates(
  env: NodeJS.ProcessEnv,
  folders: readonly string[],
  name: string,
): readonly (string | undefined)[] {
  return [...folders.map((folder) => join(folder, name)), onPath(env, [name])];
}

function findDeviceLibraries(
  env: NodeJS.ProcessEnv,
  root: string | undefined,
  llvm: readonly string[],
): DeviceLibraries | undefined {
  const named = env["HIP_DEVICE_LIB_PATH"] ?? env["DEVICE_LIB_PATH"];
  const ofRoot = root === undefined ? [] : [join(root, "amdgcn/bitcode")];
  const ofClang = (root === undefined ? llvm : [join(root, "llvm/bin")]).flatMap((folder) => {
    const clang = join(dirname(folder), "lib/clang");
    return listFolder(clang).flatMap((version) =>
      ["amdgcn/bitcode", "lib/amdgcn/bitcode"].map((path) => join(clang, version, path)),
    );
  });
  const ofSystem = ["/usr/lib/x86_64-linux-gnu/amdgcn/bitcode", "/usr/lib/amdgcn/bitcode", "/usr/amdgcn/bitcode"];
  for (const path of [...(named === undefined ? [] : [named]), ...ofRoot, ...ofClang, ...ofSystem]) {
    const files = listFolder(path);
    if (files.includes("ocml.bc")) return { path: realpathSync(path), files };
  }
  return undefined;
}

function findHipRuntime(root: string | undefined): Tool | undefined {
  const folders = root === undefined ? ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"] : [join(root, "lib")];
  const path = folders.map((folder) => join(folder, "libamdhip64.so")).find((candidate) => existsSync(candidate));
  if (path === undefined) return undefined;
  const version = basename(realpathSync(path)).replace(/^libamdhip64\.so\.?/, "");
  return { path, version, identity: `libamdhip64 ${version}` };
}

/** The kernel driver's list: `gfx_target_version 110001` is major 11, minor 0, stepping 1; 0 is a CPU. */
export function findGpu(): Gpu | undefined {
  if (!existsSync(KFD)) return undefined;
  const nodes = [...listFolder(KFD_NODES)].sort((a, b) => Number(a) - Number(b));
  const architectures = nodes.flatMap((node) => {
    const file = join(KFD_NODES, node, "properties");
    const version = existsSync(file) ? /^gfx_target_version (\d+)$/m.exec(readFileSync(file, "utf8"))?.[1] : undefined;
    const name = version === undefined ? undefined : architectureName(Number(version));
    return name === undefined ? [] : [name];
  });
  return architectures.length === 0 ? undefined : { path: KFD, architectures };
}

/** `110001` → `gfx1101`, `90010` → `gfx90a`; `undefined` for 0. */
export function architectureName(targetVersion: number): string | undefined {
  const [major, minor, stepping] = [
    Math.floor(targetVersion / 10_000),
    Math.floor(targetVersion / 100) % 100,
    targetVersion % 100,
  ];
  return parseArchitecture(`gfx${major}${minor.toString(16)}${stepping.toString(16)}`)?.name;
}

function listFolder(path: string): readonly string[] {
  return existsSync(path) && statSync(path).isDirectory() ? readdirSync(path).sort() : [];
}

export interface ToolFinding {
  readonly name: string;
  readonly found?: { readonly path: string; readonly version: string };
  /** What works with it. */
  readonly enables: string;
  /** How to get it. */
  readonly install: string;
}

/** How to install each tool: Debian's packages; other systems have them under the names of the tools. */
export const INSTALL = {
  cxx: "apt-get install g++, or set CXX to a C++17 compiler",
  openmp: "apt-get install g++ (libgomp comes with it), or libomp-dev for clang++",
  hipcc: "apt-get install hipcc, or install ROCm; HIPCC names another one",
  llvm: "apt-get install llvm-15 (the version of hipcc's clang)",
  bundler: "apt-get install clang-tools-15 (the version of hipcc's clang)",
  lld: "apt-get install lld",
  newClang: "apt-get install clang-19 lld-19 llvm-19",
  deviceLibraries: "apt-get install rocm-device-libs, or install ROCm",
  hipRuntime: "apt-get install libamdhip64-dev, or install ROCm",
  gpu: "needs an AMD GPU, the amdgpu driver, and a user in the group render",
} as const;

/** The version of the clang that hipcc calls; 0 where it does not say. */
export function hipccClang({ hipcc }: Toolchain): number {
  return Number(/clang version (\d+)/.exec(hipcc?.identity ?? "")?.[1] ?? 0);
}

/** What can be built for with this toolchain. */
export function architecturesOf(tc: Toolchain): readonly Architecture[] {
  const newest = Math.max(hipccClang(tc), Number.parseInt(tc.newClang?.version ?? "0", 10));
  return tc.hipcc === undefined ? [] : availableArchitectures(tc.deviceLibraries?.files ?? [], newest);
}

/** Every tool that tokitai can use, found or not, in the order of their importance. */
export function describeToolchain(tc: Toolchain): readonly ToolFinding[] {
  const row = (name: string, tool: Tool | undefined, enables: string, install: string): ToolFinding => ({
    name,
    ...(tool && { found: { path: tool.path, version: tool.version } }),
    enables,
    install,
  });
  const plain = (path: string | undefined, version: string): Tool | undefined =>
    path === undefined ? undefined : { path, version, identity: "" };
  const libraries = tc.deviceLibraries;
  const count = architecturesOf(tc).length;
  return [
    row("c++", tc.cxx, "the CPU library (--target cpu)", INSTALL.cxx),
    row("OpenMP", plain(tc.cxx?.openmp, tc.cxx?.version ?? ""), "the CPU library on all cores", INSTALL.openmp),
    row("sanitizers", plain(tc.cxx?.sanitizer, tc.cxx?.version ?? ""), "tests of sanitized CPU builds", INSTALL.cxx),
    row("hipcc", tc.hipcc, "the HIP library (--target hip)", INSTALL.hipcc),
    row(
      "ROCm device libraries",
      plain(libraries?.path, `${count} architectures`),
      "the HIP library",
      INSTALL.deviceLibraries,
    ),
    row("HIP runtime", tc.hipRuntime, "linking and running the HIP library", INSTALL.hipRuntime),
    row("lld", tc.lld, "linking code objects for the GPU", INSTALL.lld),
    row("clang 19 or newer", tc.newClang, "gfx942, gfx1200 and gfx1201, where hipcc's is older", INSTALL.newClang),
    row("llvm-as", tc.llvmAs, "gfx11xx with device libraries that lack them", INSTALL.llvm),
    row("llvm-dis", tc.llvmDis, "gfx11xx with device libraries that lack them", INSTALL.llvm),
    row("clang-offload-bundler", tc.bundler, "registers, LDS and spills in the manifest", INSTALL.bundler),
    row("llvm-readelf", tc.readelf, "registers, LDS and spills in the manifest", INSTALL.llvm),
    row("llvm-objdump", tc.objdump, "reading the GPU's instructions", INSTALL.llvm),
    row("AMD GPU", plain(tc.gpu?.path, tc.gpu?.architectures.join(", ") ?? ""), "running the HIP library", INSTALL.gpu),
  ];
}
