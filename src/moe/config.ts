/** What a configuration of the MoE model may be: its schema, for editors too, and the check of one from outside. */

import { z } from "zod";
import { error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { TRAINING_DEFAULTS } from "./training-defaults.ts";

/** The largest model that the ABI's sizes and the weights' file format are made for; far above any named size. */
const width = z.int().min(1).max(1_048_576);

const decayRate = z.number().min(0).lt(1);
const coefficient = z.number().min(0).max(1_000_000);

/** What the training step has built in; the learning rate is given with each step. */
const trainingFields = z.strictObject({
  beta1: decayRate
    .default(TRAINING_DEFAULTS.beta1)
    .meta({ title: "β₁", description: "How much of the gradients' mean a step keeps." }),
  beta2: decayRate
    .default(TRAINING_DEFAULTS.beta2)
    .meta({ title: "β₂", description: "How much of the mean square a step keeps." }),
  epsilon: z
    .number()
    .min(2 ** -126)
    .max(1)
    .default(TRAINING_DEFAULTS.epsilon)
    .meta({ title: "AdamW's ε", description: "Added to the root of the mean square." }),
  decay: coefficient.default(TRAINING_DEFAULTS.decay).meta({
    title: "Weight decay",
    description: "Decoupled; biases and LayerNorm have none.",
  }),
  maxNorm: z.number().gt(0).max(1_000_000).default(TRAINING_DEFAULTS.maxNorm).meta({
    title: "Largest gradient norm",
    description: "Gradients of a larger norm, over all weights, are scaled down to it.",
  }),
  balance: coefficient.default(TRAINING_DEFAULTS.balance).meta({
    title: "Load-balancing loss",
    description: "Its coefficient α; 0 leaves it out.",
  }),
  z: coefficient
    .default(TRAINING_DEFAULTS.z)
    .meta({ title: "z loss", description: "Its coefficient β; 0 leaves it out." }),
});

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
