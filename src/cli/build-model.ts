/** Proves and builds the MoE model into a folder, for the commands that run it themselves. */

import type { Target } from "../compiler/compile.ts";
import type { MoeConfig } from "../moe/sizes.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { printDiagnostics, progress } from "./output.ts";

/** The exit code of `tokitai compile moe -o folder` without its output. */
export async function buildModel(
  folder: string,
  config: MoeConfig,
  target: Target = "cpu",
  architectures: readonly string[] = [],
): Promise<ExitCode> {
  const [
    { SolverPool },
    { openProofCache },
    { cacheDirectory, proofDirectory },
    { prove, readSources },
    { compile, writeCompilation },
    { findToolchain },
  ] = await Promise.all([
    import("../verify/pool.ts"),
    import("../verify/proof-cache.ts"),
    import("../compiler/build/cache.ts"),
    import("../compiler/prove.ts"),
    import("../compiler/compile.ts"),
    import("../compiler/build/toolchain.ts"),
  ]);
  const pool = new SolverPool();
  try {
    const sources = await readSources({ inputs: ["moe"], cwd: process.cwd(), config });
    if (sources.diagnostics.length > 0) return printDiagnostics(sources.diagnostics, sources.lookup);
    progress("proving and building the model");
    const proof = await prove(sources, pool, openProofCache(proofDirectory(process.env)));
    const compilation = await compile({
      name: "moe",
      proof,
      lookup: sources.lookup,
      targets: [target],
      architectures,
      emits: ["so", "manifest"],
      toolchain: await findToolchain(process.env),
      cache: cacheDirectory(process.env),
    });
    if (!compilation.ok) return printDiagnostics(compilation.diagnostics, sources.lookup);
    const written = await writeCompilation(folder, compilation.value);
    return written.ok ? EXIT.done : printDiagnostics(written.diagnostics);
  } finally {
    pool.close();
  }
}
