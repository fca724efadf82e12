/** The state of a training run: every weight and its two moments, by name, and its way into checkpoint files and back. */

import { compareTensors, f32Tensor, f32Values, type StoredTensor } from "../../data/safetensors.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { initialWeights } from "../initialise.ts";

/** In the order of the step program's weights: `<weight>`, then `mean.<weight>` and `square.<weight>` of each. */
export type TrainingState = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** Weights as the seed gives them, and moments of 0. */
export function initialState(step: TensorProgram, seed: bigint): TrainingState {
  return initialWeights(seed, step);
}

export function isMoment(name: string): boolean {
  return name.startsWith("mean.") || name.startsWith("square.");
}

/** The state as tensors to be stored; `wanted` chooses some. */
export function storedState(
  step: TensorProgram,
  state: TrainingState,
  wanted: (name: string) => boolean = () => true,
): readonly StoredTensor[] {
  return step.weights
    .filter(({ name }) => wanted(name))
    .map(({ name, shape }) => f32Tensor(name, shape, tensorOf(state, name)));
}

/** Copies stored tensors into the state. TK576: they are not those of the model; nothing is copied then. */
export function restoreState(
  step: TensorProgram,
  state: TrainingState,
  tensors: readonly StoredTensor[],
  file: string,
  wanted: (name: string) => boolean = () => true,
): Result<undefined> {
  const expected = step.weights
    .filter(({ name }) => wanted(name))
    .map((weight) => ({ ...weight, dtype: "F32" as const }));
  const faults = compareTensors(expected, tensors, file);
  if (faults.length > 0) return refuse(...faults);
  for (const tensor of tensors) {
    const values = f32Values(tensor, file);
    if (!values.ok) return values;
    tensorOf(state, tensor.name).set(values.value);
  }
  return ok(undefined);
}

export function tensorOf(state: TrainingState, name: string): Float32Array<ArrayBuffer> {
  const tensor = state.get(name);
  if (tensor === undefined) throw new InternalError(`the state has no ${name}`);
  return tensor;
}
