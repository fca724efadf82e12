/**
 * Reads back what each kernel uses of the GPU: a HIP library in, registers, LDS, scratch and spills per kernel and architecture out.
 *
 * The numbers are the compiler's own, from the metadata note of each code object (LLVM AMDGPUUsage, "Code Object V3 and above
 * Metadata"), not an estimate.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { error } from "../../support/diagnostic.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { INSTALL, type Toolchain } from "./toolchain.ts";
import { toolOutput, unbundle, unreadable } from "./unbundle.ts";

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

/** Sorted by architecture, then kernel. TK401: a tool is missing; TK402: it failed; TK406: the library has no readable GPU code. */
export async function readResources(libraryPath: string, tc: Toolchain): Promise<Result<readonly KernelResources[]>> {
  const { bundler, readelf } = tc;
  if (bundler === undefined || readelf === undefined) {
    const message = "clang-offload-bundler and llvm-readelf are needed to read back registers and LDS";
    return refuse(error("TK401", undefined, message, bundler === undefined ? INSTALL.bundler : INSTALL.llvm));
  }
  const folder = mkdtempSync(join(tmpdir(), "tokitai-"));
  try {
    const objects = await unbundle(libraryPath, folder, bundler, tc.env);
    if (!objects.ok) return objects;
    const found: KernelResources[] = [];
    for (const { architecture, path } of objects.value) {
      const notes = await toolOutput(readelf, ["--notes", path], tc.env);
      if (!notes.ok) return notes;
      const kernels = parseKernelNotes(notes.value, architecture);
      if (kernels === undefined)
        return refuse(unreadable(`the code object for ${architecture} has metadata of an unknown form`));
      found.push(...kernels);
    }
    return ok(found.sort((x, y) => compare(x.architecture, y.architecture) || compare(x.kernel, y.kernel)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
