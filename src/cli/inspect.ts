/** `tokitai inspect`: what a build holds, what was proved of it, and what its kernels use. */

import { join } from "node:path";
import type { Command } from "commander";
import type { MachineCode } from "../compiler/build/machine-code.ts";
import type { Manifest } from "../compiler/build/manifest.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import type { Finish } from "./main.ts";
import { type Format, formatOption } from "./options.ts";
import { print, printDiagnostics } from "./output.ts";

export function addInspect(program: Command, finish: Finish): void {
  program
    .command("inspect")
    .description("show what a build holds, what was proved of it, and what its kernels use")
    .argument("<folder>", "a folder that tokitai compile wrote")
    .addOption(formatOption())
    .addHelpText(
      "after",
      `
Examples:
  tokitai inspect out                  targets, programs, files, kernels, and the GPU's resources
  tokitai inspect out --format json    the manifest, and what the instructions say

Exit code: 0 the build is whole, 3 a file is missing or was altered.`,
    )
    .action(async (folder: string, { format }: { readonly format: Format }) => finish(await inspect(folder, format)));
}

async function inspect(folder: string, format: Format): Promise<ExitCode> {
  const { openBuild } = await import("../compiler/build/output.ts");
  const manifest = openBuild(folder);
  if (!manifest.ok) return printDiagnostics(manifest.diagnostics);
  const machine = await machineCode(folder, manifest.value);
  if (format === "json") {
    const { MODEL_VERSION } = await import("../compiler/predict.ts");
    print(JSON.stringify({ ...manifest.value, machineCode: machine, model: MODEL_VERSION }, undefined, 2));
    return EXIT.done;
  }
  const { default: Table } = await import("cli-table3");
  print(describeBuild(manifest.value));
  const kernels = new Table({
    head: ["kernel", "computes", "block", "grid", "index", "LDS bytes", "proved"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, computes, launch, widths, obligations } of manifest.value.kernels) {
    const { block, grid, sharedBytes } = launch;
    kernels.push([
      name,
      computes ?? "not claimed",
      block.join("×"),
      grid.join(", "),
      widths.join(", "),
      sharedBytes,
      obligations.length,
    ]);
  }
  print(kernels.toString());
  const rows = manifest.value.kernels.flatMap(({ resources }) => resources);
  if (rows.length === 0) return EXIT.done;
  const resources = new Table({
    head: ["symbol", "architecture", "wave", "VGPRs", "SGPRs", "LDS bytes", "scratch bytes", "spills"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const { kernel, architecture, waveSize, vgprs, sgprs, ldsBytes, scratchBytes, vgprSpills, sgprSpills } = row;
    resources.push([kernel, architecture, waveSize, vgprs, sgprs, ldsBytes, scratchBytes, vgprSpills + sgprSpills]);
  }
  print(resources.toString());
  if (machine.length > 0) await printMachineCode(machine);
  return EXIT.done;
}

/** What the instructions say; nothing, with the reason on stderr, where they cannot be read. */
async function machineCode(folder: string, { files, kernels }: Manifest): Promise<readonly MachineCode[]> {
  const file = files.find(({ role, target }) => role === "library" && target === "hip");
  if (file === undefined) return [];
  const [{ readMachineCode }, { findToolchain }] = await Promise.all([
    import("../compiler/build/machine-code.ts"),
    import("../compiler/build/toolchain.ts"),
  ]);
  const resources = kernels.flatMap((kernel) => kernel.resources);
  const found = await readMachineCode(join(folder, file.name), resources, await findToolchain(process.env));
  if (found.ok) return found.value;
  printDiagnostics(found.diagnostics.map((diagnostic) => ({ ...diagnostic, severity: "remark" })));
  return [];
}

/** The hottest loop: instructions of each kind, and the bound and the share of peak that follow (docs/targets.md). */
async function printMachineCode(machine: readonly MachineCode[]): Promise<void> {
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    head: [
      ...["symbol", "architecture", "waves/SIMD", "limit", "instructions"],
      ...["in the hottest loop: matrix", "vector", "LDS", "memory", "scalar", "waits", "bound", "of peak"],
    ],
    style: { head: [], border: [], compact: true },
  });
  for (const { kernel, architecture, instructions, occupancy, loop } of machine) {
    const { waves, limit } = occupancy;
    const start = [kernel, architecture, waves, limit, instructions];
    if (loop === undefined) {
      table.push([...start, ...Array.from({ length: 6 }, () => ""), "no loop", ""]);
      continue;
    }
    const { matrix, vector, lds, memory, scalar, waits } = loop.mix;
    const share = `${(100 * loop.share).toFixed(0)} %`;
    table.push([...start, matrix, vector, lds, memory, scalar, waits, loop.bound, share]);
  }
  print(table.toString());
}

function describeBuild({ name, tokitai, targets, solver, programs, files }: Manifest): string {
  return [
    `${name}, built by tokitai ${tokitai}, proved by ${solver.version}`,
    ...targets.map(({ kind, architectures, compiler }) => `target ${[kind, ...architectures].join(" ")}: ${compiler}`),
    ...programs.map(
      (program) => `program ${program.name}(${program.dims.join(", ")}): ${program.launches.length} launches`,
    ),
    ...files.map(({ role, name: file, bytes }) => `${role.padEnd(9)} ${file} (${bytes} bytes)`),
  ].join("\n");
}
