/**
 * The tuning file: what `tokitai tune` has found and chosen, kept beside the kernels. Text in, validated entries out, and back;
 * and of the kernels of a build those that it chooses.
 *
 * The text is deterministic: entries in the order of files, kernels and architectures, without dates. An entry holds for the kernels
 * whose hash it has, and for the version of the model that it was made with.
 */

import { z } from "zod";
import type { Kernel } from "../ir/kernel/types.ts";
import { type Diagnostic, error, type SourceLookup } from "../support/diagnostic.ts";
import { parseJson } from "../support/json.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { MODEL_VERSION } from "./predict.ts";
import { hasMatrixUnit } from "./targets.ts";
import { type Variants, variantsOf } from "./variants.ts";

const amount = z.number().min(0);
const count = z.int().min(0);

const rankedSchema = z.strictObject({
  kernel: z.string(),
  /** One per shape, in their order: the share of the peak and the time that the model predicts. */
  shares: z.array(amount),
  seconds: z.array(amount),
  /** Measured, where a device was there. */
  measured: z.array(amount).optional(),
  /** Of the first shape. */
  bound: z.enum(["matrix", "vector", "LDS", "memory", "latency"]),
  vgprs: count,
  ldsBytes: count,
  /** Waves per SIMD. */
  occupancy: amount,
});

const leftOutSchema = z.strictObject({ kernel: z.string(), reason: z.string() });

const entrySchema = z.strictObject({
  kernel: z.string(),
  file: z.string(),
  architecture: z.string(),
  model: count,
  /** Of the text of all instances. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  shapes: z.array(z.record(z.string(), count)).min(1),
  chosen: z.string(),
  /** The best first. */
  ranked: z.array(rankedSchema).min(1),
  /** Not proved, or beyond a limit. */
  leftOut: z.array(leftOutSchema),
});

const fileSchema = z.strictObject({ format: z.literal(1), entries: z.array(entrySchema) });

export type Ranked = z.output<typeof rankedSchema>;
export type LeftOut = z.output<typeof leftOutSchema>;
export type TuningEntry = z.output<typeof entrySchema>;

const RUN_AGAIN = "run tokitai tune on its file again";

/** TK416: the text is no tuning file. */
export function parseTuning(text: string, path: string): Result<readonly TuningEntry[]> {
  const parsed = fileSchema.safeParse(parseJson(text));
  if (parsed.success) return ok(parsed.data.entries);
  const [issue] = parsed.error.issues;
  const where = issue === undefined ? "" : ` (${issue.path.join(".") || "the whole"}: ${issue.message})`;
  return refuse(
    error("TK416", undefined, `${path} is no tuning file${where}`, `write it with tokitai tune -o ${path}`),
  );
}

export function renderTuning(entries: readonly TuningEntry[]): string {
  const key = ({ file, kernel, architecture }: TuningEntry): string => `${file} ${kernel} ${architecture}`;
  const sorted = entries.toSorted((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  return `${JSON.stringify({ format: 1, entries: sorted }, undefined, 2)}\n`;
}

/** The new entries, and those of the old that are about something else. */
export function mergeTuning(before: readonly TuningEntry[], now: readonly TuningEntry[]): readonly TuningEntry[] {
  const isSame = (a: TuningEntry, b: TuningEntry): boolean =>
    a.kernel === b.kernel && a.file === b.file && a.architecture === b.architecture;
  return [...before.filter((old) => !now.some((entry) => isSame(old, entry))), ...now];
}

/**
 * Of kernels with several instances that an architecture can run, those that are chosen for one of the architectures; where it can run
 * one, that one. Kernels with one instance are kept. TK417: an entry is about other kernels or from another model; TK418: there is none
 * for an architecture.
 */
export function chosenKernels(
  kernels: readonly Kernel[],
  lookup: SourceLookup,
  entries: readonly TuningEntry[],
  architectures: readonly string[],
): Result<readonly Kernel[]> {
  const diagnostics: Diagnostic[] = [];
  const kept = variantsOf(kernels, lookup).flatMap((variants) => {
    if (variants.kernels.length === 1) return variants.kernels;
    const names = architectures.flatMap((architecture) => {
      const able = variants.kernels.filter(({ matrix }) => hasMatrixUnit(architecture, matrix));
      if (able.length <= 1) return able.map(({ name }) => name);
      const found = entryFor(variants, entries, architecture);
      if (!found.ok) diagnostics.push(...found.diagnostics);
      return found.ok ? [found.value] : [];
    });
    return variants.kernels.filter(({ name }) => names.includes(name));
  });
  return diagnostics.length > 0 ? refuse(...diagnostics) : ok(kept);
}

function entryFor(
  { name, file, kernels, sha256 }: Variants,
  entries: readonly TuningEntry[],
  architecture: string,
): Result<string> {
  const span = kernels[0]?.span;
  const entry = entries.find((one) => one.kernel === name && one.file === file && one.architecture === architecture);
  if (entry === undefined) {
    const message = `nothing is chosen of the ${kernels.length} instances of ${name} on ${architecture}`;
    return refuse(error("TK418", span, message, `run tokitai tune ${file} --arch ${architecture}`));
  }
  if (entry.sha256 !== sha256) {
    const message = `${name} has changed since its instance for ${architecture} was chosen`;
    return refuse(error("TK417", span, message, RUN_AGAIN));
  }
  if (entry.model !== MODEL_VERSION) {
    const message = `the instance of ${name} for ${architecture} was chosen by model ${entry.model}, and this is ${MODEL_VERSION}`;
    return refuse(error("TK417", span, message, RUN_AGAIN));
  }
  return ok(entry.chosen);
}
