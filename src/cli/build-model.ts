/** Proves and builds the MoE model into a folder, for the commands that run it themselves. */

import type { Target } from "../compiler/emits.ts";
import type { MoeConfig } from "../moe/sizes.ts";
import { takeOrCompile } from "./compilation.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printDiagnostics } from "./output.ts";

/** The exit code of `tokitai compile moe -o folder` without its output. */
export async function buildModel(
  folder: string,
  config: MoeConfig,
  target: Target = "cpu",
  architectures: readonly string[] = [],
): Promise<ExitCode> {
  const compiled = await takeOrCompile({
    inputs: ["moe"],
    config,
    targets: [target],
    architectures,
    emits: ["so", "manifest"],
    keeps: true,
  });
  if (typeof compiled === "number") return compiled;
  const { writeSealed } = await import("../compiler/build/write-build.ts");
  const written = await writeSealed(folder, compiled.build);
  return written.ok ? EXIT.done : printDiagnostics(written.diagnostics);
}
