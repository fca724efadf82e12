/**
 * Reads back what each kernel uses of the GPU: a HIP library in, registers, LDS, scratch and spills per kernel and architecture out.
 *
 * The numbers are the compiler's own, from the metadata note of each code object (LLVM AMDGPUUsage, "Code Object V3 and above
 * Metadata"), not an estimate.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { error } from "../../support/diagnostic.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { findBundles } from "./code-object.ts";
import { runTool, succeeded, toolEnvironment, toolFailure } from "./run-tool.ts";
import { INSTALL, type Tool, type Toolchain } from "./toolchain.ts";

export interface KernelResources {
  /** The kernel function's symbol. */
  readonly kernel: string;
  readonly architecture: string;
  readonly waveSize: number;
  /** Registers per lane, per lane for matrix accumulation, and per wave. */
  readonly vgprs: number;
  readonly agprs: number;
  readonly sgprs: number;
  /** Statically allocated LDS per block, in bytes. */
  readonly ldsBytes: number;
  /** Scratch memory per lane, in bytes. */
  readonly scratchBytes: number;
  readonly vgprSpills: number;
  readonly sgprSpills: number;
  /** Threads per block that the code was compiled for. */
  readonly maxThreads: number;
}

const TIMEOUT_MS = 60_000;

/** Sorted by architecture, then kernel. TK401: a tool is missing; TK402: it failed; TK406: the library has no readable GPU code. */
export async function readResources(libraryPath: string, tc: Toolchain): Promise<Result<readonly KernelResources[]>> {
  const { bundler, readelf } = tc;
  if (bundler === undefined || readelf === undefined) {
    const message = "clang-offload-bundler and llvm-readelf are needed to read back registers and LDS";
    return refuse(error("TK401", undefined, message, bundler === undefined ? INSTALL.bundler : INSTALL.llvm));
  }
  const bundles = findBundles(readFileSync(libraryPath));
  if (bundles === undefined) return refuse(unreadable(`${libraryPath} holds no GPU code`));
  const folder = mkdtempSync(join(tmpdir(), "tokitai-"));
  try {
    const found: KernelResources[] = [];
    for (const [index, bundle] of bundles.entries()) {
      const path = join(folder, `bundle${index}`);
      writeFileSync(path, bundle);
      const read = await readBundle(path, bundler, readelf, tc.env);
      if (!read.ok) return read;
      found.push(...read.value);
    }
    return ok(found.sort((a, b) => compare(a.architecture, b.architecture) || compare(a.kernel, b.kernel)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readBundle(
  path: string,
  bundler: Tool,
  readelf: Tool,
  env: NodeJS.ProcessEnv,
): Promise<Result<readonly KernelResources[]>> {
  const run = (tool: Tool, args: readonly string[]): Promise<Result<string>> => output(tool, args, env);
  const listed = await run(bundler, ["--list", "--type=o", `--input=${path}`]);
  if (!listed.ok) return listed;
  const entries = listed.value.split("\n").filter((entry) => /^hip(v4)?-amdgcn-/.test(entry));
  const found: KernelResources[] = [];
  for (const entry of entries.sort(compare)) {
    const architecture = /gfx[0-9a-f]+(:[\w+:-]+)?$/.exec(entry)?.[0] ?? entry;
    const object = `${path}.${architecture.replaceAll(":", "_")}`;
    const args = ["--unbundle", "--type=o", `--input=${path}`, `--targets=${entry}`, `--output=${object}`];
    const unbundled = await run(bundler, args);
    const notes = unbundled.ok ? await run(readelf, ["--notes", object]) : unbundled;
    if (!notes.ok) return notes;
    const kernels = parseKernelNotes(notes.value, architecture);
    if (kernels === undefined)
      return refuse(unreadable(`the code object for ${architecture} has metadata of an unknown form`));
    found.push(...kernels);
  }
  return ok(found);
}

/**
 * Reads the list under `amdhsa.kernels` as llvm-readelf prints it: one key per line, nested lists indented deeper.
 * `undefined` when a kernel lacks a number that every code object has.
 */
export function parseKernelNotes(text: string, architecture: string): readonly KernelResources[] | undefined {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.trim() === "amdhsa.kernels:");
  if (start < 0) return /amdhsa\.version/.test(text) ? [] : undefined;
  const kernels: Map<string, string>[] = [];
  for (const line of lines.slice(start + 1)) {
    if (!line.startsWith(" ")) break;
    const field = /^( {2}- | {4})\.(\w+):\s*(.*)$/.exec(line);
    if (field === null) continue;
    if (field[1] === "  - ") kernels.push(new Map());
    kernels.at(-1)?.set(field[2] ?? "", field[3] ?? "");
  }
  const read = kernels.map((fields) => readKernel(fields, architecture));
  return read.flatMap((kernel) => kernel ?? []).length === read.length
    ? read.flatMap((kernel) => kernel ?? [])
    : undefined;
}

function readKernel(fields: ReadonlyMap<string, string>, architecture: string): KernelResources | undefined {
  const number = (name: string): number => Number.parseInt(fields.get(name) ?? "", 10);
  const kernel = fields.get("name")?.replaceAll(/^['"]|['"]$/g, "");
  const required = {
    waveSize: number("wavefront_size"),
    vgprs: number("vgpr_count"),
    sgprs: number("sgpr_count"),
    ldsBytes: number("group_segment_fixed_size"),
    scratchBytes: number("private_segment_fixed_size"),
    vgprSpills: number("vgpr_spill_count"),
    sgprSpills: number("sgpr_spill_count"),
    maxThreads: number("max_flat_workgroup_size"),
  };
  if (kernel === undefined || Object.values(required).some(Number.isNaN)) return undefined;
  // Only architectures with matrix accumulation registers name their count.
  return { kernel, architecture, ...required, agprs: fields.has("agpr_count") ? number("agpr_count") : 0 };
}

async function output(tool: Tool, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Result<string>> {
  const run = await runTool(tool.path, args, { env: toolEnvironment(env), timeoutMs: TIMEOUT_MS });
  return succeeded(run) ? ok(run.stdout) : refuse(toolFailure([tool.path, ...args], run, INSTALL.llvm));
}

function unreadable(message: string): ReturnType<typeof error> {
  return error("TK406", undefined, message, "rebuild the library with hipcc");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
