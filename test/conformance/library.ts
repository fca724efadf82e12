/** The kernels of this package, proved once, and built into folders that the runtime can open. */

import { join } from "node:path";
import { cacheDirectory, proofDirectory } from "../../src/compiler/build/cache-folder.ts";
import type { Toolchain } from "../../src/compiler/build/toolchain.ts";
import { compile, writeCompilation } from "../../src/compiler/compile.ts";
import { type Proof, prove, readSources, type Sources } from "../../src/compiler/prove.ts";
import { renderDiagnostics } from "../../src/support/diagnostic.ts";
import type { Result } from "../../src/support/result.ts";
import { SolverPool } from "../../src/verify/pool.ts";
import { openProofCache } from "../../src/verify/proof-cache.ts";

const ROOT = join(import.meta.dirname, "../..");

export interface ProvedSources {
  readonly sources: Sources;
  readonly proof: Proof;
}

/** The kernels of these files, by default of all of kernels/, with their certificates; a model gets `config`. */
export async function proveKernels(
  inputs: readonly string[] = ["kernels"],
  config: unknown = undefined,
): Promise<ProvedSources> {
  const pool = new SolverPool();
  try {
    pool.warm();
    const sources = await readSources({ inputs, cwd: ROOT, config });
    if (sources.diagnostics.length > 0) throw new Error(renderDiagnostics(sources.diagnostics, sources.lookup));
    return { sources, proof: await prove(sources, pool, openProofCache(proofDirectory(process.env))) };
  } finally {
    pool.close();
  }
}

/** Builds the library into `folder`: for the CPU, or for an architecture of GPUs. */
export async function buildInto(
  folder: string,
  { sources, proof }: ProvedSources,
  toolchain: Toolchain,
  sanitize: boolean,
  target: "cpu" | "hip" = "cpu",
  architecture = "gfx1101",
): Promise<void> {
  const compilation = unwrap(
    await compile({
      name: "kernels",
      proof,
      lookup: sources.lookup,
      targets: [target],
      architectures: target === "cpu" ? [] : [architecture],
      emits: ["so", "manifest"],
      toolchain,
      cache: cacheDirectory(process.env),
      sanitize,
    }),
  );
  unwrap(await writeCompilation(folder, compilation));
}

export function unwrap<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(result.diagnostics.map(({ code, message }) => `${code}: ${message}`).join("\n"));
  return result.value;
}
