/**
 * A compilation for the commands that need a build: it is taken from what earlier runs have kept, or everything is read, proved
 * and built, and kept.
 *
 * What is loaded for a build that is at hand decides how long a run takes that has nothing to do: neither TypeScript nor Z3.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { KeptBuild } from "../compiler/build/kept-builds.ts";
import type { Toolchain } from "../compiler/build/toolchain.ts";
import type { CompilationInputs } from "../compiler/compilation-key.ts";
import type { Compilation } from "../compiler/compile.ts";
import type { Emit, Target } from "../compiler/emits.ts";
import type { Proof, Sources } from "../compiler/prove.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { MoeConfig } from "../moe/sizes.ts";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import type { SolverPool } from "../verify/pool.ts";
import type { ExitCode } from "./exit-codes.ts";
import { printDiagnostics, progress, readSource, renderAll } from "./output.ts";

export interface CompilationRequest {
  readonly inputs: readonly string[];
  readonly config: MoeConfig;
  readonly targets: readonly Target[];
  readonly architectures: readonly string[];
  readonly emits: readonly Emit[];
  /** The path of a tuning file. */
  readonly tuned?: string | undefined;
  /** Whether anything of earlier runs is believed, and anything kept for later ones. */
  readonly keeps: boolean;
  /** Gets the table and the counts of the proof, before anything is built of it. */
  readonly onProved?: (report: string) => void;
}

/** The build, and what it remarked; or an exit code: what was wrong has been printed. */
export async function takeOrCompile(request: CompilationRequest): Promise<Omit<KeptBuild, "report"> | ExitCode> {
  const { cacheDirectory } = await import("../compiler/build/cache-folder.ts");
  const cache = cacheDirectory(process.env);
  const [{ compilationKey, haveTexts, textHashes }, { keepBuild, lookUpBuild }] = await Promise.all([
    import("../compiler/compilation-key.ts"),
    import("../compiler/build/kept-builds.ts"),
  ]);
  const before = await identify(request);
  const [key, toolchain] = [before && compilationKey(before.inputs, before.toolchain), before?.toolchain];
  const kept = key && lookUpBuild(cache, key.key, haveTexts(key, process.cwd()));
  if (kept !== undefined) {
    request.onProved?.(kept.report);
    return kept;
  }
  const made = await compileAnew(request, toolchain);
  if (typeof made === "number") return made;
  const { sealBuild } = await import("../compiler/build/write-build.ts");
  const { files, body, remarks } = made.compilation;
  const whole = { build: sealBuild(files, body), report: made.report, remarks: renderAll(remarks) };
  const texts = key && textHashes(key, made.decidedBy);
  if (key !== undefined && texts !== undefined) {
    // What has changed while it was compiled had a part in it or not: nobody knows.
    const after = await identify(request);
    if (after !== undefined && compilationKey(after.inputs, after.toolchain)?.key === key.key) {
      const failed = await keepBuild(cache, key.key, texts, whole);
      if (failed !== undefined) process.stderr.write(`remark: ${failed}\n`);
    }
  }
  return whole;
}

/** What decides a compilation, as it is now; `undefined` where nothing is to be kept, or cannot be. */
async function identify({
  inputs,
  config,
  targets,
  architectures,
  emits,
  tuned,
  keeps,
}: CompilationRequest): Promise<{ readonly inputs: CompilationInputs; readonly toolchain: Toolchain } | undefined> {
  const tuning = tuned === undefined ? undefined : readSource(tuned);
  if (!keeps || (tuned !== undefined && tuning === undefined)) return undefined;
  const toolchain = await toolchainFor(targets);
  const name = nameOf(inputs);
  return { inputs: { inputs, cwd: process.cwd(), name, config, targets, architectures, emits, tuning }, toolchain };
}

export interface CompiledAnew {
  readonly compilation: Compilation;
  readonly report: string;
  /** As of `Sources`. */
  readonly decidedBy: ReadonlyMap<string, string> | undefined;
}

/** Reads, proves and builds. */
export async function compileAnew(
  request: CompilationRequest,
  toolchain?: Toolchain,
): Promise<CompiledAnew | ExitCode> {
  const [{ cacheDirectory, proofDirectory }, { SolverPool }, { openProofCache }] = await Promise.all([
    import("../compiler/build/cache-folder.ts"),
    import("../verify/pool.ts"),
    import("../verify/proof-cache.ts"),
  ]);
  const pool = new SolverPool();
  const scratch = request.keeps ? undefined : mkdtempSync(join(tmpdir(), "tokitai-compile-"));
  const cache = scratch ?? cacheDirectory(process.env);
  try {
    const proofs = request.keeps ? openProofCache(proofDirectory(process.env)) : undefined;
    if (proofs === undefined || proofs.size === 0) pool.warm();
    const { readSources } = await import("../compiler/prove.ts");
    const { inputs, config } = request;
    const from = { inputs, cwd: process.cwd(), config };
    const read = await readSources(proofs === undefined ? from : { ...from, cache: proofs });
    if (read.diagnostics.length > 0) return printDiagnostics(read.diagnostics, read.lookup);
    const chosen = await chosenOf(read, request.tuned, request.architectures);
    if (!chosen.ok) return printDiagnostics(chosen.diagnostics, read.lookup);
    const sources = { ...read, kernels: chosen.value };
    const { proof, report } = await proveAll(sources, pool, proofs);
    request.onProved?.(report);
    progress("building");
    const { compile } = await import("../compiler/compile.ts");
    const { targets, architectures, emits } = request;
    const compilation = await compile({
      name: nameOf(inputs),
      proof,
      lookup: sources.lookup,
      targets,
      architectures,
      emits,
      toolchain: toolchain ?? (await toolchainFor(targets)),
      cache,
    });
    if (!compilation.ok) return printDiagnostics(compilation.diagnostics, sources.lookup);
    return { compilation: compilation.value, report, decidedBy: sources.decidedBy };
  } finally {
    pool.close();
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  }
}

async function proveAll(
  sources: Sources,
  pool: SolverPool,
  proofs: Parameters<typeof import("../compiler/prove.ts").prove>[2],
): Promise<{ readonly proof: Proof; readonly report: string }> {
  progress(`proving ${sources.kernels.length} kernels`);
  const [{ prove }, { proofSummary, proofTable }] = await Promise.all([
    import("../compiler/prove.ts"),
    import("./proof-table.ts"),
  ]);
  const proof = await prove(sources, pool, proofs);
  if (proof.cacheRemark !== undefined) process.stderr.write(`remark: ${proof.cacheRemark}\n`);
  return { proof, report: `${proofTable(proof)}\n${proofSummary(proof)}` };
}

async function toolchainFor(targets: readonly Target[]): Promise<Toolchain> {
  const { findCpuToolchain, findToolchain } = await import("../compiler/build/toolchain.ts");
  return targets.includes("hip") ? findToolchain(process.env) : findCpuToolchain(process.env);
}

/** All kernels, or of their instances those that a tuning file chooses. TK416: there is no such file. */
async function chosenOf(
  { kernels, lookup }: Sources,
  path: string | undefined,
  architectures: readonly string[],
): Promise<Result<readonly Kernel[]>> {
  if (path === undefined) return ok(kernels);
  const text = readSource(path);
  if (text === undefined) {
    const fix = "name the file that tokitai tune -o has written";
    return refuse(error("TK416", undefined, `there is no tuning file ${path}`, fix));
  }
  const { chosenKernels, parseTuning } = await import("../compiler/tuning-file.ts");
  const entries = parseTuning(text, path);
  return entries.ok ? chosenKernels(kernels, lookup, entries.value, architectures) : entries;
}

/** Names the library after its first input: `models/moe.ts` and `moe` give `moe`. */
function nameOf(inputs: readonly string[]): string {
  const stem = basename(inputs[0] ?? "library").replace(/\.ts$/, "");
  const name = stem.replace(/[^A-Za-z0-9_]/g, "_");
  return /^[A-Za-z]/.test(name) ? name : `lib_${name}`;
}
