/** The state of a training run: every weight and its two moments, by name, and its way into checkpoint files and back. */

import { compareTensors, f32Tensor, f32Values, type StoredTensor } from "../../data/safetensors.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { initialWeights } from "../initialise.ts";
import { stackWeights, unstackWeights } from "../stack-weights.ts";

type Tensors = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** The same numbers, in the same memory, by two sets of names. */
export interface TrainingState {
  /** As files have them, and the dense programs: `<weight>`, then `mean.<weight>` and `square.<weight>` of each. */
  readonly parts: Tensors;
  /** As the sparse programs have them, which compute: the parts of all experts are one tensor (`stack-weights.ts`). */
  readonly stacked: Tensors;
}

/** Weights as the seed gives them, and moments of 0; `step` is the dense step. */
export function initialState(step: TensorProgram, seed: bigint): TrainingState {
  return stateOf(initialWeights(seed, step));
}

/** A state with copies of these tensors of the dense programs. */
export function stateOf(tensors: Tensors): TrainingState {
  const stacked = stackWeights(tensors);
  return { parts: unstackWeights(stacked, tensors.keys()), stacked };
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
  const tensor = state.parts.get(name);
  if (tensor === undefined) throw new InternalError(`the state has no ${name}`);
  return tensor;
}
