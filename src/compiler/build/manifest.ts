/**
 * The manifest of an output folder: what was built from what, and what was proved of it. `manifest.json` in, a validated value
 * out, and back.
 *
 * The text is canonical: sorted keys, two spaces, one newline at the end. `self` is the SHA-256 of the text without `self`, and
 * reading demands the canonical text, so that no byte of the file can change unnoticed. Nothing in it depends on time or machine.
 */

import { z } from "zod";
import { error } from "../../support/diagnostic.ts";
import { sha256 } from "../../support/hash.ts";
import { parseJson } from "../../support/json.ts";
import { ok, type Result, refuse } from "../../support/result.ts";
import { OBLIGATION_KINDS } from "../../verify/obligation.ts";
import { canonicalText, MANIFEST_FORMAT, renderManifest } from "./manifest-text.ts";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** `moe.cpu.0123456789ab.so`: a stem, twelve digits of the content's SHA-256, an extension. Never a path. */
export const CONTENT_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\.[0-9a-f]{12}\.[a-z0-9]+(\.[a-z0-9]+)?$/;

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const json: z.ZodType<JsonValue> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(json), z.record(z.string(), json)]),
);

const targetSchema = z.strictObject({
  kind: z.enum(["cpu", "hip"]),
  /** GPU architectures; empty for the CPU. */
  architectures: z.array(z.string()),
  compiler: z.string(),
  flags: z.array(z.string()),
});

/** Only `proved` is a verdict here: nothing else is emitted. */
const obligationSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(OBLIGATION_KINDS),
  /** `file:line:column`. */
  place: z.string(),
  statement: z.string(),
  verdict: z.literal("proved"),
  /** SHA-256 of the SMT-LIB text; empty where no solver was asked. */
  query: z.union([hash, z.literal("")]),
  /** The shapes of a verdict that holds for these only. */
  shapes: z.string().optional(),
});

/** A condition of a kernel's contract, and who answers for it. */
const conditionSchema = z.strictObject({
  text: z.string(),
  /** `trusted: ` goes before the reason why nobody checks it. */
  status: z.string().regex(/^(?:checked at launch|proved from .+|trusted: .+)$/),
});

const resourcesSchema = z.strictObject({
  kernel: z.string(),
  architecture: z.string(),
  waveSize: count,
  vgprs: count,
  agprs: count,
  sgprs: count,
  ldsBytes: count,
  scratchBytes: count,
  vgprSpills: count,
  sgprSpills: count,
  maxThreads: count,
});

const kernelSchema = z.strictObject({
  name: z.string(),
  /** The source file, as spans name it. */
  file: z.string(),
  /** SHA-256 of the printed kernel IR. */
  ir: hash,
  computes: z.string().nullable(),
  /** Index widths with an instance, narrowest first. */
  widths: z.array(z.union([z.literal(32), z.literal(64)])).min(1),
  launch: z.strictObject({
    /** Threads of a block on x, y, z. */
    block: z.tuple([count, count, count]),
    /** Blocks on x, y, z, as expressions over the dimensions. */
    grid: z.tuple([z.string(), z.string(), z.string()]),
    sharedBytes: count,
  }),
  conditions: z.array(conditionSchema),
  obligations: z.array(obligationSchema).min(1),
  /** One per instance and architecture; empty without a HIP library. */
  resources: z.array(resourcesSchema),
});

const programSchema = z.strictObject({
  name: z.string(),
  dims: z.array(z.string()),
  /** SHA-256 of the printed launch plan. */
  plan: hash,
  /** Each with the conditions of its kernel. */
  launches: z.array(
    z.strictObject({
      label: z.string(),
      part: z.string().optional(),
      kernel: z.string(),
      conditions: z.array(conditionSchema),
    }),
  ),
  obligations: z.array(obligationSchema),
});

const FILE_ROLES = ["library", "source", "header", "types", "ir", "kernel-ir", "smt2"] as const;

const fileSchema = z.strictObject({
  role: z.enum(FILE_ROLES),
  /** The target that the file belongs to; null when it serves all. */
  target: z.enum(["cpu", "hip"]).nullable(),
  name: z.string().regex(CONTENT_NAME),
  sha256: hash,
  bytes: count,
});

const manifestSchema = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  /** Version of tokitai. */
  tokitai: z.string(),
  name: z.string(),
  targets: z.array(targetSchema).min(1),
  sources: z.array(z.strictObject({ file: z.string(), sha256: hash })),
  kernels: z.array(kernelSchema),
  programs: z.array(programSchema),
  solver: z.strictObject({ name: z.string(), version: z.string() }),
  /** The code generator's description of the library's C interface. */
  abi: json,
  files: z.array(fileSchema).min(1),
  self: hash,
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

export type Manifest = DeepReadonly<Omit<z.infer<typeof manifestSchema>, "abi">> & { readonly abi: JsonValue };
export type ManifestFile = DeepReadonly<z.infer<typeof fileSchema>>;
export type ManifestKernel = DeepReadonly<z.infer<typeof kernelSchema>>;
export type ManifestCondition = DeepReadonly<z.infer<typeof conditionSchema>>;
export type ManifestObligation = DeepReadonly<z.infer<typeof obligationSchema>>;
export type FileRole = (typeof FILE_ROLES)[number];

/** What the compiler states; format, files and `self` follow from the content. */
export type ManifestBody = Omit<Manifest, "format" | "files" | "self">;

/**
 * Reads `manifest.json`. TK502: not JSON, or not of this form; TK503: another format version; TK504: altered.
 * `path` is for messages only.
 */
export function parseManifest(text: string, path: string): Result<Manifest> {
  const raw = parseJson(text);
  if (raw === undefined) return refuse(error("TK502", undefined, `${path} is not JSON`, REBUILD));
  const format = z.looseObject({ format: z.number() }).safeParse(raw);
  if (format.success && format.data.format !== MANIFEST_FORMAT) {
    const message = `${path} has format ${format.data.format}, and this tokitai reads format ${MANIFEST_FORMAT}`;
    return refuse(error("TK503", undefined, message, REBUILD));
  }
  const parsed = manifestSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
    const message = `${path} is not a manifest of tokitai${place}: ${issue?.message ?? "unknown form"}`;
    return refuse(error("TK502", undefined, message, REBUILD));
  }
  const { self, ...content } = parsed.data;
  if (sha256(canonicalText(content)) !== self || renderManifest(parsed.data) !== text) {
    return refuse(error("TK504", undefined, `${path} was altered after it was written`, REBUILD));
  }
  return ok(parsed.data);
}

export const REBUILD = "build again with tokitai compile";
