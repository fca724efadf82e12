/**
 * Chooses among the instances of kernels: proofs, machine code and shapes in, an entry per kernel and architecture out.
 *
 * Candidates are all instances, one per combination of `params`. Those that are not proved are built by nobody, those that exceed
 * their budget, spill or do not fit are not ranked; all of them are listed with the reason. The others are ranked by the time of
 * all shapes together: measured where a device is there, else predicted (docs/tuning.md).
 */

import type { Kernel } from "../ir/kernel/types.ts";
import { error, type SourceLookup } from "../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../support/result.ts";
import type { KernelReport } from "../verify/verify.ts";
import { overBudget } from "./budget.ts";
import { buildHip } from "./build/compile.ts";
import { type MachineCode, readMachineCode } from "./build/machine-code.ts";
import { type KernelResources, readResources } from "./build/resources.ts";
import type { Toolchain } from "./build/toolchain.ts";
import { emitHip } from "./codegen/hip.ts";
import { instanceName } from "./codegen/hip-kernel.ts";
import type { Sizes } from "./operations.ts";
import { launchOf, MODEL_VERSION, predict } from "./predict.ts";
import { hasMatrixUnit, targetOf } from "./targets.ts";
import type { LeftOut, Ranked, TuningEntry } from "./tuning-file.ts";
import { type Variants, variantsOf } from "./variants.ts";

export interface TuneRequest {
  /** Of all kernels, with the check kernels of their conditions on data. */
  readonly reports: readonly KernelReport[];
  /** Those of the user's files. */
  readonly kernels: readonly Kernel[];
  readonly lookup: SourceLookup;
  readonly architectures: readonly string[];
  readonly shapes: readonly Sizes[];
  readonly toolchain: Toolchain;
  readonly cache: string;
  /** Seconds of a kernel at a shape, on a device of the architecture; `undefined` where it cannot be had. */
  readonly measure?: (kernel: string, architecture: string, shape: Sizes) => Promise<number | undefined>;
}

export interface Tuning {
  readonly entries: readonly TuningEntry[];
  /** Kernels of which no instance could be ranked on an architecture. */
  readonly without: readonly {
    readonly kernel: string;
    readonly architecture: string;
    readonly leftOut: readonly LeftOut[];
  }[];
}

/** TK419: a shape lacks a dimension; else what building refuses. */
export async function tune(request: TuneRequest): Promise<Result<Tuning>> {
  const { kernels, lookup, architectures, shapes } = request;
  const missing = kernels.flatMap(({ name, dims }) =>
    shapes.flatMap((shape) => dims.filter((dim) => shape[dim] === undefined).map((dim) => ({ name, dim }))),
  );
  const [first] = missing;
  if (first !== undefined) {
    const fix = `give every dimension: --shape ${kernels[0]?.dims.map((dim) => `${dim}=1024`).join(",")}`;
    return refuse(error("TK419", undefined, `the shape has no ${first.dim}, a dimension of ${first.name}`, fix));
  }
  const built = await build(request);
  if (!built.ok) return built;
  const entries: TuningEntry[] = [];
  const without: { kernel: string; architecture: string; leftOut: readonly LeftOut[] }[] = [];
  for (const variants of variantsOf(kernels, lookup)) {
    for (const architecture of architectures) {
      const { ranked, leftOut } = await judge(request, variants, architecture, built.value);
      const [best] = ranked;
      const { name: kernel, file, sha256 } = variants;
      if (best === undefined) without.push({ kernel, architecture, leftOut });
      else {
        const about = { kernel, file, architecture, model: MODEL_VERSION, sha256, shapes: [...shapes] };
        entries.push({ ...about, chosen: best.kernel, ranked: [...ranked], leftOut: [...leftOut] });
      }
    }
  }
  return ok({ entries, without });
}

interface Built {
  readonly resources: readonly KernelResources[];
  readonly code: readonly MachineCode[];
}

/** A library of everything that is proved, for each set of architectures whose matrix units are the same. */
async function build(request: TuneRequest): Promise<Result<Built>> {
  const all: Built[] = [];
  const units = new Set(request.architectures.map((architecture) => targetOf(architecture)?.matrixUnit));
  for (const unit of units) {
    const architectures = request.architectures.filter((one) => targetOf(one)?.matrixUnit === unit);
    const built = await buildFor(request, architectures);
    if (!built.ok) return built;
    all.push(built.value);
  }
  return ok({ resources: all.flatMap(({ resources }) => resources), code: all.flatMap(({ code }) => code) });
}

async function buildFor(
  { reports, toolchain, cache }: TuneRequest,
  architectures: readonly string[],
): Promise<Result<Built>> {
  const proved = reports
    .flatMap(({ certificate }) => certificate ?? [])
    .filter(({ kernel }) => architectures.every((one) => hasMatrixUnit(one, kernel.matrix)));
  if (proved.length === 0) return ok({ resources: [], code: [] });
  const sources = emitHip({ name: "candidates", kernels: proved, plans: [] }).map(({ path, text }) => ({
    name: path,
    text,
  }));
  const library = await buildHip({ toolchain, cache, architectures, sources });
  if (!library.ok) return library;
  const resources = await readResources(library.value.path, toolchain);
  if (!resources.ok) return resources;
  const code = await readMachineCode(library.value.path, resources.value, toolchain);
  return code.ok ? ok({ resources: resources.value, code: code.value }) : code;
}

async function judge(
  { reports, shapes, measure }: TuneRequest,
  { kernels }: Variants,
  architecture: string,
  { resources, code }: Built,
): Promise<{ readonly ranked: readonly Ranked[]; readonly leftOut: readonly LeftOut[] }> {
  const ranked: Ranked[] = [];
  const leftOut: LeftOut[] = [];
  const able = kernels.filter(({ matrix }) => hasMatrixUnit(architecture, matrix));
  if (able.length === 0) {
    const reason = `${architecture} has no such matrix instructions`;
    return { ranked, leftOut: kernels.map(({ name }) => ({ kernel: name, reason })) };
  }
  for (const kernel of able) {
    const report = reports.find((one) => one.kernel.name === kernel.name);
    const reason =
      report?.certificate === undefined ? whyNotProved(report) : whyTooLarge(kernel, architecture, resources);
    const found = reason ?? rank(kernel, report?.widths[0] ?? 64, architecture, shapes, resources, code);
    if (typeof found === "string") {
      leftOut.push({ kernel: kernel.name, reason: found });
      continue;
    }
    const times: number[] = [];
    for (const shape of measure === undefined ? [] : shapes) {
      const seconds = await measure?.(kernel.name, architecture, shape);
      if (seconds !== undefined) times.push(seconds);
    }
    ranked.push(times.length === shapes.length ? { ...found, measured: times } : found);
  }
  const total = ({ measured, seconds }: Ranked): number => (measured ?? seconds).reduce((sum, one) => sum + one, 0);
  // What was measured is not compared with what was not.
  const isMeasured = ranked.every(({ measured }) => measured !== undefined);
  const comparable = ranked.map(({ measured, ...rest }) => (isMeasured && measured ? { ...rest, measured } : rest));
  return { ranked: comparable.toSorted((a, b) => total(a) - total(b) || (a.kernel < b.kernel ? -1 : 1)), leftOut };
}

function whyNotProved(report: KernelReport | undefined): string {
  const open = report?.obligations.filter(({ verdict }) => verdict !== "proved") ?? [];
  const [worst] = open.toSorted((a, b) => Number(b.verdict === "refuted") - Number(a.verdict === "refuted"));
  return worst === undefined ? "not proved" : `${worst.verdict}: ${worst.id}`;
}

function whyTooLarge(kernel: Kernel, architecture: string, resources: readonly KernelResources[]): string | undefined {
  const own = resources.filter((one) => one.architecture === architecture);
  const [over] = overBudget([kernel], own).filter(({ severity }) => severity === "error");
  if (over !== undefined) return over.message;
  const spilled = own.find((one) => isInstance(one, kernel.name) && one.vgprSpills + one.sgprSpills > 0);
  return spilled && `${spilled.kernel} spills ${spilled.vgprSpills + spilled.sgprSpills} registers`;
}

function isInstance({ kernel }: KernelResources, name: string): boolean {
  return kernel === instanceName(name, 32) || kernel === instanceName(name, 64);
}

/** With the narrowest indices: the launcher takes these where the sizes allow it. */
function rank(
  kernel: Kernel,
  width: 32 | 64,
  architecture: string,
  shapes: readonly Sizes[],
  resources: readonly KernelResources[],
  code: readonly MachineCode[],
): Ranked | string {
  const symbol = instanceName(kernel.name, width);
  const target = targetOf(architecture);
  const used = resources.find((one) => one.kernel === symbol && one.architecture === architecture);
  const machine = code.find((one) => one.kernel === symbol && one.architecture === architecture);
  if (target === undefined) return `nothing is known of ${architecture}`;
  if (used === undefined || machine === undefined) throw new InternalError(`${symbol} was not built`);
  if (machine.occupancy.blocks === 0) return `no block of ${symbol} fits into a compute unit`;
  const predictions = shapes.flatMap((shape) => {
    const launch = launchOf(kernel, shape);
    return (launch && predict(launch, machine, target)) ?? [];
  });
  const [first] = predictions;
  if (first === undefined || predictions.length < shapes.length) {
    return "the model says nothing of it: no loop with floating-point operations, or an empty launch";
  }
  return {
    kernel: kernel.name,
    shares: predictions.map(({ share }) => rounded(share)),
    seconds: predictions.map(({ seconds }) => rounded(seconds)),
    bound: first.bound,
    vgprs: used.vgprs + used.agprs,
    ldsBytes: used.ldsBytes,
    occupancy: machine.occupancy.waves,
  };
}

/** As many digits as the model is worth, so that the file does not change with the last bit of a logarithm. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
