/** Reads the machine code of a HIP library: a library in, the occupancy and the hottest loop of each kernel out. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { error } from "../../support/diagnostic.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { type Occupancy, occupancyOf, targetOf } from "../targets.ts";
import { parseDisassembly } from "./disassembly.ts";
import { type CodeWork, codeWork } from "./hot-loop.ts";
import type { KernelResources } from "./resources.ts";
import { INSTALL, type Toolchain } from "./toolchain.ts";
import { toolOutput, unbundle } from "./unbundle.ts";

export interface MachineCode extends CodeWork {
  /** The kernel function's symbol. */
  readonly kernel: string;
  readonly architecture: string;
  readonly instructions: number;
  readonly occupancy: Occupancy;
}

/**
 * One for each of the resources whose architecture is in `targets.ts`, in their order. TK401: a tool is missing; TK402: it
 * failed; TK406: the library has no readable GPU code.
 */
export async function readMachineCode(
  libraryPath: string,
  resources: readonly KernelResources[],
  { bundler, objdump, env }: Toolchain,
): Promise<Result<readonly MachineCode[]>> {
  if (bundler === undefined || objdump === undefined) {
    const message = "clang-offload-bundler and llvm-objdump are needed to read instructions";
    return refuse(error("TK401", undefined, message, bundler === undefined ? INSTALL.bundler : INSTALL.llvm));
  }
  const folder = mkdtempSync(join(tmpdir(), "tokitai-code-"));
  try {
    const objects = await unbundle(libraryPath, folder, bundler, env);
    if (!objects.ok) return objects;
    const found: MachineCode[] = [];
    for (const { architecture, path } of objects.value) {
      const target = targetOf(architecture);
      if (target === undefined) continue;
      const text = await toolOutput(objdump, ["--disassemble", path], env);
      if (!text.ok) return text;
      const code = parseDisassembly(text.value);
      for (const used of resources.filter((one) => one.architecture === architecture)) {
        const instructions = code.get(used.kernel) ?? [];
        const occupancy = occupancyOf(target, { ...used, threads: used.maxThreads });
        const work = codeWork(instructions, target, occupancy);
        found.push({ kernel: used.kernel, architecture, instructions: instructions.length, occupancy, ...work });
      }
    }
    const order = (one: Pick<MachineCode, "kernel" | "architecture">): number =>
      resources.findIndex(({ kernel, architecture }) => kernel === one.kernel && architecture === one.architecture);
    return ok(found.toSorted((a, b) => order(a) - order(b)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
