/**
 * The sizes of the MoE model: what a configuration may be, the four named ones, and what they cost in memory.
 *
 * Counts follow from the configuration alone; that the built program agrees with them is a test.
 */

import { z } from "zod";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";

/** The largest model that the ABI's sizes and the weights' file format are made for; far above any named size. */
const width = z.int().min(1).max(1_048_576);

const decayRate = z.number().min(0).lt(1);
const coefficient = z.number().min(0).max(1_000_000);

/** What the training step has built in; the learning rate is given with each step. */
const trainingFields = z.strictObject({
  beta1: decayRate.default(0.9).meta({ title: "β₁", description: "How much of the gradients' mean a step keeps." }),
  beta2: decayRate.default(0.999).meta({ title: "β₂", description: "How much of the mean square a step keeps." }),
  epsilon: z
    .number()
    .min(2 ** -126)
    .max(1)
    .default(1e-8)
    .meta({ title: "AdamW's ε", description: "Added to the root of the mean square." }),
  decay: coefficient.default(0.01).meta({
    title: "Weight decay",
    description: "Decoupled; biases and LayerNorm have none.",
  }),
  maxNorm: z.number().gt(0).max(1_000_000).default(1).meta({
    title: "Largest gradient norm",
    description: "Gradients of a larger norm, over all weights, are scaled down to it.",
  }),
  balance: coefficient.default(0.1).meta({
    title: "Load-balancing loss",
    description: "Its coefficient α; 0 leaves it out.",
  }),
  z: coefficient.default(0.001).meta({ title: "z loss", description: "Its coefficient β; 0 leaves it out." }),
});

const TRAINING_DEFAULTS = trainingFields.parse({});

/** All that can be said of each field by itself; the titles and descriptions are for editors. */
const moeConfigFields = z
  .strictObject({
    $schema: z.string().optional().meta({ title: "Schema", description: "This schema's address, for editors." }),
    inputs: width.default(96).meta({ title: "Inputs", description: "Features of a row." }),
    hidden: width.meta({ title: "Hidden width", description: "Width h of every hidden layer of an expert." }),
    depth: z.int().min(0).max(1024).meta({ title: "Depth", description: "Blocks d of an expert after its first." }),
    experts: z.int().min(1).max(64).default(4).meta({ title: "Experts", description: "Number E of experts." }),
    chosen: z.int().min(1).max(8).default(2).meta({
      title: "Chosen experts",
      description:
        "Number K of experts that a row is given to. K is at most E, which JSON Schema cannot say: tokitai checks it.",
    }),
    outcomes: width.default(12).meta({
      title: "Outcomes",
      description: "Classes of the first head, whose logits are the first columns of y.",
    }),
    actions: width.default(8).meta({
      title: "Actions",
      description: "Classes of the second head, whose logits follow those of the outcomes.",
    }),
    gelu: z.enum(["erf", "tanh"]).default("erf").meta({
      title: "GELU",
      description: "erf: the exact function. tanh: its approximation by a hyperbolic tangent.",
    }),
    epsilon: z
      .number()
      .min(2 ** -126)
      .max(1)
      .default(1e-5)
      .meta({ title: "Epsilon", description: "LayerNorm's addend to the variance." }),
    renormalise: z.boolean().default(false).meta({
      title: "Renormalise",
      description: "Whether the weights of the chosen experts are scaled to the sum 1.",
    }),
    training: trainingFields.readonly().default(TRAINING_DEFAULTS).meta({
      title: "Training",
      description: "Constants of the training step: AdamW, clipping, and auxiliary losses.",
    }),
  })
  .meta({
    title: "MoE model configuration",
    description:
      "The model that tokitai builds for moe --config. Beside what this schema says, chosen must be at most experts.",
  });

const moeConfigSchema = moeConfigFields
  .refine(({ chosen, experts }) => chosen <= experts, {
    path: ["chosen"],
    message: "expected at most the number of experts",
  })
  .transform(({ $schema, ...config }) => config)
  .readonly();

/** The configuration's JSON Schema (2020-12), as `schemas/moe-config.schema.json` publishes it. */
export function moeConfigJsonSchema(): Readonly<Record<string, unknown>> {
  return z.toJSONSchema(moeConfigFields, { io: "input" });
}

/** What `models/moe.ts` builds; each field is explained there. */
export type MoeConfig = z.output<typeof moeConfigSchema>;

export const MOE_SIZE_NAMES = ["nano", "tiny", "medium", "full"] as const;
export type MoeSizeName = (typeof MOE_SIZE_NAMES)[number];

const COMMON = {
  inputs: 96,
  experts: 4,
  chosen: 2,
  outcomes: 12,
  actions: 8,
  gelu: "erf",
  epsilon: 1e-5,
  renormalise: false,
  training: TRAINING_DEFAULTS,
} as const;

export const MOE_SIZES: Readonly<Record<MoeSizeName, MoeConfig>> = {
  nano: { ...COMMON, hidden: 128, depth: 2 },
  tiny: { ...COMMON, hidden: 2048, depth: 5 },
  medium: { ...COMMON, hidden: 4096, depth: 5 },
  full: { ...COMMON, hidden: 4096, depth: 12 },
};

/** Checks a configuration from outside, such as a JSON file; all mistakes are listed (TK270). */
export function parseMoeConfig(value: unknown): Result<MoeConfig> {
  const parsed = moeConfigSchema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  return refuse(
    ...parsed.error.issues.map(({ path, message }) =>
      error(
        "TK270",
        undefined,
        `model configuration${path.length > 0 ? ` ${path.join(".")}` : ""}: ${message}`,
        "schemas/moe-config.schema.json says what each field may be",
      ),
    ),
  );
}

export interface MoeAccounting {
  /** Numbers that training changes. */
  readonly parameters: number;
  readonly tensors: number;
  /** Two bytes per parameter. */
  readonly weightBytesFp16: number;
  /** AdamW's first and second moment, four bytes each per parameter. */
  readonly momentBytesFp32: number;
  readonly totalBytes: number;
}

/** Memory of training with fp16 weights and fp32 moments, without activations. */
export function accountFor({ inputs, hidden, depth, experts, outcomes, actions }: MoeConfig): MoeAccounting {
  const linear = (fanIn: number, fanOut: number): number => fanIn * fanOut + fanOut;
  const layerNorm = 2 * hidden;
  const expert =
    linear(inputs, hidden) +
    layerNorm +
    depth * (linear(hidden, hidden) + layerNorm) +
    linear(hidden, outcomes + actions);
  const parameters = linear(inputs, experts) + experts * expert;
  const tensors = 2 + experts * (4 * (depth + 1) + 2);
  const [weightBytesFp16, momentBytesFp32] = [2 * parameters, 8 * parameters];
  return { parameters, tensors, weightBytesFp16, momentBytesFp32, totalBytes: weightBytesFp16 + momentBytesFp32 };
}
