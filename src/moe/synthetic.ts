/**
 * Arguments for timing a program of the MoE model: configuration, initial weights and a number of rows → tensors of its own.
 *
 * The numbers are made up by formulas, the same in every run, and are no data: features between −2 and 2, all classes in turns.
 * What a program leaves behind, such as the weights after a step, is what it finds the next time.
 */

import type { AbiField, AbiFunction } from "../runtime/abi.ts";
import type { CallArguments, TensorData } from "../runtime/cpu/arguments.ts";
import { type Diagnostic, error } from "../support/diagnostic.ts";
import { ok, type Result, refuse } from "../support/result.ts";
import { packWeights } from "./pack-weights.ts";
import type { MoeConfig } from "./sizes.ts";
import { stackWeights } from "./stack-weights.ts";

/** The learning rate of every step. */
export const SYNTHETIC_RATE = 1e-3;

const OTHER_MODEL = "give the --size or --config that the library was built with";

export interface Rows {
  readonly x: Float32Array;
  readonly outcome: Int32Array;
  readonly action: Int32Array;
}

export function syntheticRows(config: Pick<MoeConfig, "inputs" | "outcomes" | "actions">, rows: number): Rows {
  return {
    x: Float32Array.from({ length: rows * config.inputs }, (_, i) => Math.sin(i * 0.7) + Math.cos(i * 0.013)),
    outcome: Int32Array.from({ length: rows }, (_, i) => (i * 7) % config.outcomes),
    action: Int32Array.from({ length: rows }, (_, i) => (i * 5) % config.actions),
  };
}

export interface Synthetic {
  readonly args: CallArguments & { readonly tensors: Readonly<Record<string, TensorData>> };
  /** Sets what changes from step to step; to be called before each call. */
  readonly advance: () => void;
}

export interface SyntheticModel {
  readonly config: MoeConfig;
  /** Of the dense forward pass: a sparse program gets them stacked. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/**
 * Tensors for a program on at least one row. TK555: it has an input, a scalar or a dimension of which nothing is known;
 * TK562: it has a weight that the model has not, or a tensor of another size.
 */
export function syntheticArguments(
  program: AbiFunction,
  { config, weights }: SyntheticModel,
  rows: number,
): Result<Synthetic> {
  const known = inputsOf({ config, weights }, rows);
  const tensors: Record<string, TensorData> = {};
  for (const field of program.fields) {
    if (field.kind === "workspace" || (field.kind === "dim" && field.name === "B")) continue;
    const count = field.kind === "tensor" ? countOf(field, rows) : undefined;
    const made = count === undefined ? undefined : (known(field.name) ?? emptyOf(field, count));
    if (made === undefined) return refuse(cannotMake(program.name, field));
    if (made.length !== count) {
      const message = `${field.name} of ${program.name} has ${count} elements in the library, and ${made.length} in the model`;
      return refuse(error("TK562", undefined, message, OTHER_MODEL));
    }
    tensors[field.name] = made;
  }
  const rates = tensors["rates"];
  const { beta1, beta2 } = config.training;
  let step = 0;
  return ok({
    args: { tensors, dims: program.dims?.includes("B") ? { B: rows } : {} },
    advance: () => {
      step++;
      if (rates instanceof Float32Array) rates.set([SYNTHETIC_RATE, 1 - beta1 ** step, 1 - beta2 ** step]);
    },
  });
}

/** A new tensor of the name, of what programs read before they write it. */
function inputsOf({ config, weights }: SyntheticModel, rows: number): (name: string) => TensorData | undefined {
  const { x, outcome, action } = syntheticRows(config, rows);
  const width = config.outcomes + config.actions;
  const inputs: Readonly<Record<string, () => TensorData>> = {
    x: () => x,
    outcome: () => outcome,
    action: () => action,
    dy: () => Float32Array.from({ length: rows * width }, (_, i) => Math.cos(i * 0.37) / rows),
    importance: () => new Float32Array(rows).fill(1 / rows),
    rates: () => new Float32Array(3),
  };
  const stacked = stackWeights(weights);
  const packed = packWeights(stacked, config.experts);
  const known = (name: string): Float32Array | undefined => weights.get(name) ?? stacked.get(name) ?? packed.get(name);
  return (name) => (Object.hasOwn(inputs, name) ? inputs[name]?.() : known(name)?.slice());
}

/** What is written first may hold anything; moments start at 0. */
function emptyOf({ name, role, element }: AbiField, count: number): TensorData | undefined {
  const isMoment = role === "inout" && /^(?:mean|square)\./.test(name);
  if (role !== "output" && !isMoment) return undefined;
  if (element === "f32") return new Float32Array(count);
  return element === "i32" ? new Int32Array(count) : undefined;
}

/** `2 * B`, `B`, `5`: what the shapes of the programs' parameters are made of; `undefined` for anything else. */
function countOf({ shape = [] }: AbiField, rows: number): number | undefined {
  const factors = shape.flatMap((extent) => extent.split("*")).map((factor) => factor.trim());
  const sizes = factors.map((factor) => (factor === "B" ? rows : /^\d+$/.test(factor) ? Number(factor) : Number.NaN));
  const count = sizes.reduce((product, size) => product * size, 1);
  return Number.isSafeInteger(count) ? count : undefined;
}

const WHAT = { tensor: "tensor", dim: "dimension", scalar: "scalar", workspace: "workspace" } as const;

function cannotMake(program: string, { name, kind, role }: AbiField): Diagnostic {
  if (role === "weight" || role === "inout") {
    const message = `the model has no weight ${name}, which ${program} takes`;
    return error("TK562", undefined, message, OTHER_MODEL);
  }
  const what = role === "output" || role === undefined ? WHAT[kind] : `${WHAT[kind]} (${role})`;
  const message = `${program} has the ${what} ${name}, which cannot be made up`;
  return error("TK555", undefined, message, "time the programs of the MoE model, by name with --program");
}
