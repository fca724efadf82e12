/** `tokitai inspect`: what a build holds, what was proved of it, and what its kernels use. */

import type { Command } from "commander";
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
  tokitai inspect out --format json    the manifest

Exit code: 0 the build is whole, 3 a file is missing or was altered.`,
    )
    .action(async (folder: string, { format }: { readonly format: Format }) => finish(await inspect(folder, format)));
}

async function inspect(folder: string, format: Format): Promise<ExitCode> {
  const { openBuild } = await import("../compiler/build/output.ts");
  const manifest = openBuild(folder);
  if (!manifest.ok) return printDiagnostics(manifest.diagnostics);
  if (format === "json") {
    print(JSON.stringify(manifest.value, undefined, 2));
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
  return EXIT.done;
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
