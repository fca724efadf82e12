/** A run's folder → its weights, its metrics, and the programs of its model. */

import { join } from "node:path";
import { readPrograms } from "../../compiler/frontend/model.ts";
import { packageRoot } from "../../compiler/inputs.ts";
import { fileSpan } from "../../data/source-file.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import { error } from "../../support/diagnostic.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { latestCheckpoint } from "../checkpoint.ts";
import { type Journal, readMetrics } from "../metrics.ts";
import type { MoeConfig } from "../sizes.ts";
import { averagesOf, restoreCheckpoint } from "../train/average.ts";
import type { TrainingData } from "../train/data.ts";
import { CHECKPOINT_FOLDER, METRICS_FILE } from "../train/run-folder.ts";
import { initialState, type TrainingState } from "../train/state.ts";

export interface ReadRun {
  /** The average of the weights at the last checkpoint: what the run evaluates. */
  readonly state: TrainingState;
  readonly journal: Journal;
  readonly programs: readonly TensorProgram[];
}

/**
 * TK589: the folder has no whole checkpoint; TK590: the run was trained on other data. TK578 where the checkpoint is of
 * another model, and what the readers of metrics and checkpoints refuse.
 */
export async function readRun(folder: string, config: MoeConfig, data: TrainingData): Promise<Result<ReadRun>> {
  const journal = readMetrics(join(folder, METRICS_FILE));
  if (!journal.ok) return journal;
  if (journal.value.run.configuration["data"] !== data.fingerprint) {
    const fix = "give the --data that it was trained on, unchanged";
    return refuse(error("TK590", fileSpan(folder), "the run was trained on other data than this", fix));
  }
  const programs = await readPrograms(join(packageRoot(), "models/moe.ts"), config, process.cwd());
  if (!programs.ok) return programs;
  const step = programs.value.find(({ name }) => name === "moe_step");
  if (step === undefined) throw new InternalError("the model has no program moe_step");
  const latest = latestCheckpoint(join(folder, CHECKPOINT_FOLDER), journal.value.run.configuration);
  if (!latest.ok) return latest;
  const { checkpoint } = latest.value;
  if (checkpoint === undefined) {
    return refuse(error("TK589", fileSpan(folder), "the folder has no whole checkpoint", "train first: tokitai train"));
  }
  const state = initialState(step, 0n);
  const averages = averagesOf(state);
  const restored = restoreCheckpoint(step, state, averages, checkpoint.tensors, checkpoint.path);
  return restored.ok ? ok({ state: averages, journal: journal.value, programs: programs.value }) : restored;
}
