/**
 * From source to proof, one line each:
 *
 *   resolve the inputs → read the kernels → check their IR → build and lower the models → add the check kernels of those
 *   with conditions on data → verify kernels and plans
 *
 * The result holds everything that later steps need; code can be made only of its certificates.
 */

import { checkKernel } from "../ir/kernel/check.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import type { Plan } from "../ir/plan.ts";
import type { TensorProgram } from "../ir/tensor/types.ts";
import { debug } from "../support/debug.ts";
import type { Diagnostic, SourceLookup } from "../support/diagnostic.ts";
import { InternalError } from "../support/result.ts";
import type { ObligationResult } from "../verify/obligation.ts";
import type { SolverPool } from "../verify/pool.ts";
import type { ProofCache } from "../verify/proof-cache.ts";
import { type OnProgress, openSession } from "../verify/session.ts";
import { type KernelReport, verifyKernels, verifyPlan } from "../verify/verify.ts";
import { type Discharged, nameClashes } from "./codegen/library.ts";
import { dataCheck } from "./data-check.ts";
import { readKernelsWith } from "./frontend/read-cached.ts";
import { resolveInputs } from "./inputs.ts";
import { lowerProgram } from "./lower/lower.ts";

export interface ProveRequest {
  readonly inputs: readonly string[];
  readonly cwd: string;
  /** What `build` of each model gets. */
  readonly config: unknown;
  /** Kernels that an earlier run has read are taken from here, and those that are read are put here. */
  readonly cache?: ProofCache;
}

export interface ProgramReport {
  readonly program: TensorProgram;
  readonly plan: Plan;
  readonly obligations: readonly ObligationResult[];
  /** Conditions on data that the program's own launches prove; the launchers check all others. */
  readonly discharged?: Discharged;
}

/** What was read: nothing of it is proved yet. */
export interface Sources {
  readonly kernels: readonly Kernel[];
  readonly programs: readonly { readonly program: TensorProgram; readonly plan: Plan }[];
  readonly lookup: SourceLookup;
  readonly diagnostics: readonly Diagnostic[];
  /** As of `readKernels`; of a model's file nothing is said. */
  readonly decidedBy?: ReadonlyMap<string, string> | undefined;
}

export interface Proof {
  readonly kernels: readonly KernelReport[];
  readonly programs: readonly ProgramReport[];
  readonly solverVersion: string;
  /** Why nothing could be kept for the next run. */
  readonly cacheRemark?: string;
}

/** Reads everything that the inputs name. With models, the kernels are those that their plans launch. */
export async function readSources({ inputs, cwd, config, cache }: ProveRequest): Promise<Sources> {
  const { kernelFiles, modelFiles, diagnostics: missing } = resolveInputs(inputs, cwd);
  if (missing.length > 0) return { kernels: [], programs: [], lookup: () => undefined, diagnostics: missing };
  const start = performance.now();
  const read = await readKernelsWith(cache, kernelFiles, cwd);
  const { kernels, sources, diagnostics: refused, decidedBy, cached } = read;
  const took = (performance.now() - start).toFixed(0);
  debug(1, () => `read ${kernels.length} kernels in ${took} ms${cached ? ", from the cache" : ""}`);
  const malformed = cached ? [] : kernels.flatMap(checkKernel);
  const [first] = malformed;
  if (first !== undefined) throw new InternalError(`the front end made malformed IR: ${first.code} ${first.message}`);
  const diagnostics: Diagnostic[] = [...refused];
  const programs: { program: TensorProgram; plan: Plan }[] = [];
  for (const file of refused.length > 0 ? [] : modelFiles) {
    const { readPrograms } = await import("./frontend/model.ts");
    const built = await readPrograms(file, config, cwd);
    if (!built.ok) diagnostics.push(...built.diagnostics);
    for (const program of built.ok ? built.value : []) {
      const plan = lowerProgram(program, kernels);
      if (plan.ok) programs.push({ program, plan: plan.value });
      else diagnostics.push(...plan.diagnostics);
    }
  }
  const launched = new Set(
    programs.flatMap(({ plan }) => plan.launches.flatMap(({ kernel, vector = [] }) => [kernel, ...vector])),
  );
  const used = modelFiles.length === 0 ? kernels : kernels.filter(({ name }) => launched.has(name));
  diagnostics.push(
    ...nameClashes(
      withChecks(used),
      programs.map(({ plan }) => plan),
    ),
  );
  return { kernels: used, programs, lookup: sources, diagnostics, decidedBy };
}

/** The kernels, and the check kernels of those that require something of data: all of them are proved and emitted. */
export function withChecks(kernels: readonly Kernel[]): readonly Kernel[] {
  return [...kernels, ...kernels.flatMap((kernel) => dataCheck(kernel)?.kernel ?? [])];
}

/** With a cache, only what no earlier run has proved is asked, and what is proved is kept for the next one. */
export async function prove(
  { kernels, programs }: Sources,
  pool: SolverPool,
  cache?: ProofCache,
  onProgress?: OnProgress,
): Promise<Proof> {
  const session = openSession(pool, cache, onProgress);
  const byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  const [kernelReports, planReports] = await Promise.all([
    verifyKernels(withChecks(kernels), session),
    Promise.all(programs.map(({ plan }) => verifyPlan(plan, byName, session))),
  ]);
  await pool.audit();
  const cacheRemark = cache?.save();
  return {
    kernels: kernelReports,
    programs: programs.map((program, position) => {
      const { obligations = [], discharged = new Map() } = planReports[position] ?? {};
      return { ...program, obligations, discharged };
    }),
    solverVersion: session.solverVersion(),
    ...(cacheRemark !== undefined && { cacheRemark }),
  };
}

export function allObligations({ kernels, programs }: Proof): readonly ObligationResult[] {
  return [...kernels, ...programs].flatMap(({ obligations }) => obligations);
}
