/**
 * Compilers and libraries of the system: installed with apt-get where that is possible without a password; otherwise named,
 * with what they would enable. What was said once is not said again (`--again` does, and tries again).
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, findProgram, ROOT, report, run } from "./run.mjs";

const STAMP = join(ROOT, ".tokitai", "setup.json");

/** A ROCm installation brings everything that the HIP library needs. */
const ROCM_FOLDERS = [process.env.ROCM_PATH, "/opt/rocm"].filter((path) => path !== undefined && path !== "");
const LIBRARY_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"];

const hasRocm = () => ROCM_FOLDERS.some((folder) => existsSync(join(folder, "bin", "hipcc")));
const hasProgram = (...names) => names.some((name) => name !== undefined && findProgram(name) !== undefined);
const hasFile = (name) => LIBRARY_FOLDERS.some((folder) => existsSync(join(folder, name)));
const llvmFolders = () =>
  readdirSync("/usr/lib")
    .filter((name) => /^llvm-\d+$/.test(name))
    .map((name) => join("/usr/lib", name));
const hasLlvm = (name) => hasProgram(name) || llvmFolders().some((folder) => existsSync(join(folder, "bin", name)));
const hasClangFile = (name) =>
  llvmFolders().some((folder) => {
    const clang = join(folder, "lib", "clang");
    return existsSync(clang) && readdirSync(clang).some((version) => existsSync(join(clang, version, name)));
  });

/** Debian's packages; `present` looks for what they bring, whoever brought it. Those with `ci` are installed there alone. */
const TOOLS = [
  {
    package: "g++",
    present: () => hasProgram(process.env.CXX, "g++", "clang++", "c++"),
    enables: "the CPU library",
  },
  {
    package: "libomp5-19",
    present: () => hasFile("libomp.so.5"),
    enables: "threads of the CPU library that wait without keeping others from the cores",
  },
  {
    package: "hipcc",
    present: () => hasRocm() || hasProgram(process.env.HIPCC, "hipcc"),
    enables: "the HIP library",
  },
  {
    package: "libamdhip64-dev",
    present: () => hasRocm() || hasFile("libamdhip64.so"),
    enables: "linking the HIP library",
  },
  {
    package: "rocm-device-libs",
    present: () => hasRocm() || hasFile("amdgcn/bitcode/ocml.bc") || hasClangFile("amdgcn/bitcode/ocml.bc"),
    enables: "the HIP library",
  },
  { package: "lld", present: () => hasRocm() || hasProgram("ld.lld"), enables: "linking code for the GPU" },
  {
    package: "llvm-15",
    present: () => hasRocm() || (hasLlvm("llvm-as") && hasLlvm("llvm-readelf")),
    enables: "gfx11xx with older device libraries, and registers and LDS in the manifest",
  },
  {
    package: "python3-venv",
    present: () => hasProgram("python3") && run("python3", ["-c", "import ensurepip, venv"]).ok,
    enables: "tests against numpy and safetensors",
  },
  {
    package: "chromium",
    present: () => hasProgram("chromium", "chromium-browser", "google-chrome"),
    enables: "tests of the page that tokitai diagnose writes",
  },
  {
    package: "clang-19",
    present: () => existsSync("/usr/lib/llvm-19/bin/clang++"),
    enables: "code for gfx942, gfx1200 and gfx1201",
    ci: true,
  },
  {
    package: "lld-19",
    present: () => existsSync("/usr/lib/llvm-19/bin/ld.lld"),
    enables: "code for gfx942, gfx1200 and gfx1201",
    ci: true,
  },
  {
    package: "llvm-19",
    present: () => existsSync("/usr/lib/llvm-19/bin/llvm-objdump"),
    enables: "reading the instructions of gfx942, gfx1200 and gfx1201",
    ci: true,
  },
  { package: "z3", present: () => hasProgram("z3"), enables: "a second opinion on every proof" },
  { package: "cvc5", present: () => hasProgram("cvc5"), enables: "a second opinion on every proof" },
];

/** With `ci`, a tool that cannot be had ends the process. */
export function installTools({ ci, again }) {
  const missing = TOOLS.filter(({ present, ci: onlyThere = false }) => (ci || !onlyThere) && !present());
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.package);
  if (!ci && !again && existsSync(STAMP) && readFileSync(STAMP, "utf8") === stampOf(names)) return;
  const left = installWithApt(missing);
  for (const tool of left) report(`missing: ${tool.package}, which enables ${tool.enables}`);
  if (left.length > 0 && ci) fail("every tool is needed here");
  if (left.length > 0) report("going on without; install them by hand, or run npm run setup -- --again");
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, stampOf(left.map((tool) => tool.package)));
}

function stampOf(names) {
  return `${JSON.stringify({ missing: names })}\n`;
}

/** Installs what it can and returns what is still missing. The C++ compiler goes first: it must not fail with the others. */
function installWithApt(missing) {
  const command = aptCommand();
  if (command === undefined) return missing;
  const apt = (...args) =>
    run(command[0], [...command.slice(1), "-o", "DPkg::Lock::Timeout=120", ...args], {
      DEBIAN_FRONTEND: "noninteractive",
    });
  const groups = [missing.filter((tool) => tool.package === "g++"), missing.filter((tool) => tool.package !== "g++")];
  let updated = false;
  for (const names of groups.map((group) => group.map((tool) => tool.package)).filter((group) => group.length > 0)) {
    report(`installing with apt-get: ${names.join(" ")}`);
    const install = () => apt("install", "-y", "--no-install-recommends", ...names);
    let installed = install();
    if (!installed.ok && !updated) {
      // A fresh image has no package lists.
      updated = true;
      apt("update");
      installed = install();
    }
    if (!installed.ok) report(`apt-get failed: ${lastError(installed.output)}`);
  }
  return missing.filter(({ present }) => !present());
}

/** apt-get with the rights to install, or `undefined`: not this distribution, or a password would be asked for. */
function aptCommand() {
  const apt = findProgram("apt-get");
  if (apt === undefined) return undefined;
  if (process.getuid?.() === 0) return [apt];
  const sudo = findProgram("sudo");
  // sudo drops the environment; debconf's question mode is passed by `env`.
  return sudo !== undefined && run(sudo, ["-n", "true"]).ok
    ? [sudo, "-n", "env", "DEBIAN_FRONTEND=noninteractive", apt]
    : undefined;
}

function lastError(output) {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return lines.findLast((line) => line.startsWith("E: ")) ?? lines.at(-1) ?? "no output";
}
