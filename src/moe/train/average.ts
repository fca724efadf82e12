/**
 * The running average of the weights, which is what a run evaluates and ends with: the noise of single steps averages out.
 *
 * Polynomial-decay averaging (Shamir and Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", 2013, section 4)
 * with η = 9: in step t, from 1, the average moves by 10/(t + 9) of its distance to the weights, so that it looks back over
 * about a tenth of the run, however long that is. The average is kept in f32.
 */

import type { StoredTensor } from "../../data/safetensors.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import type { Result } from "../../support/result.ts";
import { isMoment, restoreState, stateOf, storedState, type TrainingState } from "./state.ts";

const PREFIX = "average.";
const isWeight = (name: string): boolean => !isMoment(name);

/** The weights of a state, copied. */
export function averagesOf({ parts }: TrainingState): TrainingState {
  return stateOf(new Map([...parts].filter(([name]) => isWeight(name))));
}

/** Moves the averages towards the weights after a step. */
export function addToAverages(averages: TrainingState, state: TrainingState, step: number): void {
  const share = 10 / (step + 9);
  for (const [name, average] of averages.stacked) {
    const weights = state.stacked.get(name) ?? [];
    for (let i = 0; i < average.length; i++) {
      const before = average[i] ?? 0;
      average[i] = before + share * ((weights[i] ?? 0) - before);
    }
  }
}

/** The averages under the names of their weights, as a model to be stored. */
export function storedModel(step: TensorProgram, averages: TrainingState): readonly StoredTensor[] {
  return storedState(step, averages, isWeight);
}

/** The averages as part of a checkpoint: `average.<weight>`. */
export function storedAverages(step: TensorProgram, averages: TrainingState): readonly StoredTensor[] {
  return storedModel(step, averages).map((tensor) => ({ ...tensor, name: `${PREFIX}${tensor.name}` }));
}

/** Reads a stored model back. TK576: it is of another model. */
export function restoreModel(
  step: TensorProgram,
  averages: TrainingState,
  tensors: readonly StoredTensor[],
  file: string,
): Result<undefined> {
  return restoreState(step, averages, tensors, file, isWeight);
}

/** Copies a checkpoint's tensors into the state and the averages. TK576: they are not those of the model. */
export function restoreCheckpoint(
  step: TensorProgram,
  state: TrainingState,
  averages: TrainingState,
  tensors: readonly StoredTensor[],
  file: string,
): Result<undefined> {
  const own = tensors.filter(({ name }) => !name.startsWith(PREFIX));
  const averaged = tensors
    .filter(({ name }) => name.startsWith(PREFIX))
    .map((tensor) => ({ ...tensor, name: tensor.name.slice(PREFIX.length) }));
  const restored = restoreState(step, state, own, file);
  return restored.ok ? restoreModel(step, averages, averaged, file) : restored;
}
