/**
 * From proof to library: certificates and plans → source texts → shared libraries → one output folder.
 *
 *   emit the sources of each target → build each → read back the GPU's resources → write the folder and its manifest
 *
 * Nothing is written unless every obligation is proved and every target has been built.
 */

import { ELEMENT_BYTES } from "../ir/kernel/limits.ts";
import { printExpr, printKernel } from "../ir/kernel/print.ts";
import type { Kernel } from "../ir/kernel/types.ts";
import { printProgram } from "../ir/tensor/print.ts";
import { type Diagnostic, error, type SourceLookup } from "../support/diagnostic.ts";
import { sha256 } from "../support/hash.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import { formatPlace } from "../support/span.ts";
import { VERSION } from "../support/version.ts";
import type { ProvedKernel } from "../verify/certificate.ts";
import type { ObligationResult } from "../verify/obligation.ts";
import { obligationDiagnostics, obligationFileStem, smt2Text } from "../verify/report.ts";
import { overBudget } from "./budget.ts";
import { type BuiltLibrary, buildCpu, buildHip } from "./build/compile.ts";
import type {
  JsonValue,
  Manifest,
  ManifestBody,
  ManifestCondition,
  ManifestKernel,
  ManifestObligation,
} from "./build/manifest.ts";
import type { SourceText } from "./build/objects.ts";
import { type KernelResources, readResources } from "./build/resources.ts";
import type { Toolchain } from "./build/toolchain.ts";
import { contentName, type OutputFile, writeBuild } from "./build/write-build.ts";
import { describeAbi } from "./codegen/abi.ts";
import { emitCpu } from "./codegen/cpu.ts";
import { emitHeader } from "./codegen/header.ts";
import { emitHip } from "./codegen/hip.ts";
import { excessArguments } from "./codegen/kernel-params.ts";
import { type GeneratedFile, kernelOf, type LibrarySpec, nameClashes } from "./codegen/library.ts";
import { emitTypes } from "./codegen/types.ts";
import { dataCheck, formatCondition } from "./data-check.ts";
import type { Emit, Target } from "./emits.ts";
import { printPlan } from "./lower/lower.ts";
import { allObligations, type Proof } from "./prove.ts";
import { hasMatrixUnit } from "./targets.ts";

export interface CompileRequest {
  /** Names the files: `moe`. */
  readonly name: string;
  readonly proof: Proof;
  readonly lookup: SourceLookup;
  readonly targets: readonly Target[];
  readonly architectures: readonly string[];
  readonly emits: readonly Emit[];
  readonly toolchain: Toolchain;
  readonly cache: string;
  readonly sanitize?: boolean;
}

/** Everything a compilation makes, before any of it is written. */
export interface Compilation {
  readonly files: readonly OutputFile[];
  readonly body: ManifestBody;
  readonly remarks: readonly Diagnostic[];
}

/** Emits and builds; refuses with the diagnostics of the proof, or of the first tool that fails. */
export async function compile(request: CompileRequest): Promise<Result<Compilation>> {
  const { proof, name } = request;
  const open = obligationDiagnostics(allObligations(proof));
  if (open.length > 0) return refuse(...open);
  const proved = proof.kernels.map(({ kernel, certificate }): ProvedKernel => {
    if (certificate === undefined) throw new InternalError(`${kernel.name} is proved but has no certificate`);
    return certificate;
  });
  if (proof.kernels.length === 0)
    return refuse(error("TK411", undefined, "the inputs hold no kernel", "name a kernel file"));
  const { kernels, left } = fitting(proved, request);
  if (kernels.length === 0) return refuse(...left.map((remark) => ({ ...remark, severity: "error" as const })));
  const spec: LibrarySpec = {
    name,
    kernels,
    plans: proof.programs.map(({ plan }) => plan),
    discharged: new Map(proof.programs.map(({ plan, discharged = new Map() }) => [plan.name, discharged])),
  };
  const refused = [
    ...nameClashes(
      proof.kernels.map(({ kernel }) => kernel),
      spec.plans,
    ),
    ...kernels.flatMap(excessArguments),
  ];
  if (refused.length > 0) return refuse(...refused);
  const built = await buildTargets(request, spec);
  if (!built.ok) return built;
  const hip = built.value.find(({ target }) => target === "hip");
  const resources = hip === undefined ? ok([]) : await readResources(hip.path, request.toolchain);
  const judged = overBudget(
    kernels.map(({ kernel }) => kernel),
    resources.ok ? resources.value : [],
  );
  const over = judged.filter(({ severity }) => severity === "error");
  if (over.length > 0) return refuse(...over);
  return ok({
    files: outputFiles(request, spec, built.value),
    body: manifestBody(request, spec, built.value, resources.ok ? resources.value : []),
    remarks: [
      ...left,
      ...(resources.ok
        ? judged
        : resources.diagnostics.map((diagnostic) => ({ ...diagnostic, severity: "remark" as const }))),
    ],
  });
}

/**
 * The kernels that some target can run: a GPU library holds those whose matrix instructions all of its architectures have, a CPU
 * library those for vector units as well. TK420 for what is left out.
 */
function fitting(
  proved: readonly ProvedKernel[],
  { targets, architectures }: CompileRequest,
): { readonly kernels: readonly ProvedKernel[]; readonly left: readonly Diagnostic[] } {
  const lacking = ({ kernel }: ProvedKernel): readonly string[] =>
    targets.includes("hip") ? architectures.filter((name) => !hasMatrixUnit(name, kernel.matrix)) : [];
  const left = proved.flatMap((one): readonly Diagnostic[] => {
    const without = lacking(one);
    if (without.length === 0) return [];
    const { name, matrix, span } = one.kernel;
    const message = `${name} is left out: ${without.join(" and ")} has no matrix instructions of ${matrix}`;
    const fix = "build a library of its own for each family of GPUs: --offload-arch";
    return [{ ...error("TK420", span, message, fix), severity: "remark" }];
  });
  const forCpu = targets.includes("cpu") ? [] : forVectorUnits(proved);
  const instances = forCpu.filter(({ kernel }) => kernel.simd !== undefined);
  return {
    kernels: proved.filter((one) => lacking(one).length === 0 && !forCpu.includes(one)),
    left: [...left, ...leftToCpu(instances)],
  };
}

/** TK420, once for all of them: a folder of kernels holds some for each target. */
function leftToCpu(kernels: readonly ProvedKernel[]): readonly Diagnostic[] {
  const [first] = kernels;
  if (first === undefined) return [];
  const names = kernels.map(({ kernel }) => kernel.name).join(", ");
  const message = `${names} ${kernels.length === 1 ? "is" : "are"} left out: vector units are of CPUs`;
  return [
    { ...error("TK420", first.kernel.span, message, "compile for the CPU too: --target cpu"), severity: "remark" },
  ];
}

/** Writes a compilation into its folder, as one build. */
export function writeCompilation(outDir: string, { files, body }: Compilation): Promise<Result<Manifest>> {
  return writeBuild(outDir, files, body);
}

/** The text of each file that was asked for, for printing instead of writing. */
export function describeFiles({ files }: Compilation): readonly { readonly name: string; readonly text: string }[] {
  return files.flatMap((file) =>
    typeof file.content === "string" ? [{ name: contentName(file), text: file.content }] : [],
  );
}

async function buildTargets(request: CompileRequest, spec: LibrarySpec): Promise<Result<readonly BuiltLibrary[]>> {
  if (!request.emits.includes("so")) return ok([]);
  const { toolchain, cache, architectures, sanitize = false } = request;
  const sources = (files: readonly GeneratedFile[]): readonly SourceText[] =>
    files.map(({ path, ...file }) => ({ name: path, ...file }));
  const results = await Promise.all(
    request.targets.map((target) =>
      target === "cpu"
        ? buildCpu({ toolchain, cache, sanitize, sources: sources(emitCpu(spec)) })
        : buildHip({ toolchain, cache, architectures, sources: sources(emitHip(forGpu(spec))) }),
    ),
  );
  const failed = results.flatMap((result) => (result.ok ? [] : result.diagnostics));
  if (failed.length > 0) return refuse(...failed);
  return ok(results.flatMap((result) => (result.ok ? [result.value] : [])));
}

/** A library for GPUs has no instances for vector units of CPUs. */
function forGpu(spec: LibrarySpec): LibrarySpec {
  const others = new Set(forVectorUnits(spec.kernels));
  return { ...spec, kernels: spec.kernels.filter((one) => !others.has(one)) };
}

/** The instances for vector units, and what checks their data. */
function forVectorUnits(kernels: readonly ProvedKernel[]): readonly ProvedKernel[] {
  const instances = kernels.filter(({ kernel }) => kernel.simd !== undefined);
  const checks = new Set(instances.map(({ kernel }) => dataCheck(kernel)?.kernel.name));
  return kernels.filter((one) => instances.includes(one) || checks.has(one.kernel.name));
}

function outputFiles(
  request: CompileRequest,
  spec: LibrarySpec,
  built: readonly BuiltLibrary[],
): readonly OutputFile[] {
  const { name, emits, proof } = request;
  const wants = (emit: Emit): boolean => emits.includes(emit);
  const text = (role: OutputFile["role"], extension: string, content: string): OutputFile => ({
    role,
    target: null,
    stem: name,
    extension,
    content,
  });
  const sources = (files: readonly GeneratedFile[], target: Target, extension: string): readonly OutputFile[] =>
    files
      .filter(({ path }) => path.endsWith(".cpp"))
      .map(({ text: content, part, unit = "base" }) => {
        const stem = part === "kernels" ? `${name}.${unit}` : name;
        return { role: "source", target, stem, extension, content };
      });
  return [
    ...built.map(
      ({ target, bytes }): OutputFile => ({
        role: "library",
        target,
        stem: `${name}.${target}`,
        extension: "so",
        content: bytes,
      }),
    ),
    ...(wants("hip") ? sources(emitHip(forGpu(spec)), "hip", "hip.cpp") : []),
    ...(wants("cpp") ? sources(emitCpu(spec), "cpu", "cpu.cpp") : []),
    ...(wants("header") ? [text("header", "h", emitHeader(spec).text)] : []),
    ...(wants("types") ? [text("types", "d.ts", emitTypes(spec).text)] : []),
    ...(wants("ir") && proof.programs.length > 0
      ? [
          text(
            "ir",
            "ir",
            proof.programs.map(({ program, plan }) => `${printProgram(program)}\n${printPlan(plan)}`).join("\n"),
          ),
        ]
      : []),
    ...(wants("kernel-ir")
      ? [text("kernel-ir", "kir", proof.kernels.map(({ kernel }) => printKernel(kernel)).join("\n"))]
      : []),
    ...(wants("smt2") ? allObligations(proof).map(smt2File) : []),
  ];
}

function smt2File(obligation: ObligationResult): OutputFile {
  const stem = obligationFileStem(obligation.id);
  return { role: "smt2", target: null, stem, extension: "smt2", content: smt2Text(obligation) };
}

function manifestBody(
  request: CompileRequest,
  spec: LibrarySpec,
  built: readonly BuiltLibrary[],
  resources: readonly KernelResources[],
): ManifestBody {
  const { name, proof, lookup, targets } = request;
  const files = [...new Set(proof.kernels.map(({ kernel }) => kernel.span.file))].sort();
  return {
    tokitai: VERSION,
    name,
    targets: targets.map((kind) => {
      const library = built.find(({ target }) => target === kind);
      return {
        kind,
        architectures: library?.architectures ?? (kind === "hip" ? request.architectures : []),
        compiler: library?.compiler ?? "none",
        flags: library?.flags ?? [],
      };
    }),
    sources: files.map((file) => ({ file, sha256: sha256(lookup(file) ?? "") })),
    kernels: spec.kernels.map((kernel) => manifestKernel(kernel, resources)),
    programs: proof.programs.map(({ plan, obligations }) => ({
      name: plan.name,
      dims: plan.dims,
      plan: sha256(printPlan(plan)),
      launches: plan.launches.map(({ label, part, kernel }) => ({
        label,
        ...(part !== undefined && { part }),
        kernel,
        conditions: manifestConditions(kernelOf(spec, kernel), spec.discharged?.get(plan.name)?.get(label)),
      })),
      obligations: obligations.map(manifestObligation),
    })),
    solver: { name: "z3", version: proof.solverVersion },
    abi: toJson(describeAbi(spec)),
  };
}

function manifestKernel(
  { kernel, widths, obligations }: ProvedKernel,
  resources: readonly KernelResources[],
): ManifestKernel {
  const { name, span, computes, block, grid } = kernel;
  const [x, y, z] = block.map(Number);
  const [gridX, gridY, gridZ] = grid.map(printExpr);
  return {
    name,
    file: span.file,
    ir: sha256(printKernel(kernel)),
    computes: computes ?? null,
    widths,
    launch: {
      block: [x ?? 1, y ?? 1, z ?? 1],
      grid: [gridX ?? "1", gridY ?? "1", gridZ ?? "1"],
      sharedBytes: sharedBytes(kernel),
    },
    conditions: manifestConditions(kernel),
    obligations: obligations.map(manifestObligation),
    resources: resources.filter(({ kernel: symbol }) => widths.some((width) => symbol === `${name}_i${width}`)),
  };
}

/** Every condition of a kernel's contract, and who answers for it. */
function manifestConditions(
  { where, requires, dataRequires }: Kernel,
  proved: ReadonlyMap<number, string> = new Map(),
): readonly ManifestCondition[] {
  const checked = "checked at launch";
  return [
    ...where.map(({ dim, value }) => ({ text: `${dim} === ${printExpr(value)}`, status: checked })),
    ...requires.map((condition) => ({ text: printExpr(condition), status: checked })),
    ...dataRequires.map((condition, ordinal) => {
      const producer = proved.get(ordinal);
      return { text: formatCondition(condition), status: producer === undefined ? checked : `proved from ${producer}` };
    }),
  ];
}

function sharedBytes({ arrays }: Kernel): number {
  return arrays
    .filter(({ space }) => space === "shared")
    .reduce(
      (sum, { shape, element }) => sum + Number(shape.reduce((size, extent) => size * extent, ELEMENT_BYTES[element])),
      0,
    );
}

function manifestObligation(obligation: ObligationResult): ManifestObligation {
  const { id, kind, span, statement, verdict, queryHash, shapes } = obligation;
  if (verdict !== "proved") throw new InternalError(`${id} is ${verdict} in a build`);
  return {
    id,
    kind,
    place: formatPlace(span),
    statement,
    verdict,
    query: queryHash,
    ...(shapes !== undefined && { shapes }),
  };
}

/** A value without functions and undefined members, as JSON has it. */
function toJson(value: unknown): JsonValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object") throw new InternalError(`${typeof value} has no JSON`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, toJson(member)]));
}
