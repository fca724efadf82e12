/**
 * The training loop: epochs of steps, each step one call of the library, with metrics, checkpoints and early stopping.
 *
 * Everything follows from the options and the data: the order of the rows from (seed, epoch), the learning rate from the
 * step. A run that is killed goes on from its last checkpoint and ends as if it had not been: the checkpoint has the
 * weights, the moments and the number of rows taken; the rest is in the lines of metrics up to it.
 */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors, readSafetensors } from "../../data/safetensors.ts";
import { fileSpan } from "../../data/source-file.ts";
import type { Plan } from "../../ir/plan.ts";
import type { TensorProgram } from "../../ir/tensor/types.ts";
import type { CpuLibrary } from "../../runtime/cpu/library.ts";
import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { syncFile, systemErrorCode, writeDurably } from "../../support/durable.ts";
import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { type Configuration, latestCheckpoint, writeCheckpoint } from "../checkpoint.ts";
import {
  appendMetrics,
  type EpochLine,
  type Journal,
  journalUntil,
  type RunLine,
  readMetrics,
  renderJournal,
  type Score,
  type StepLine,
} from "../metrics.ts";
import type { MoeConfig } from "../sizes.ts";
import { addToAverages, averagesOf, restoreCheckpoint, restoreModel, storedAverages, storedModel } from "./average.ts";
import type { TrainingData } from "./data.ts";
import { type Evaluation, evaluateRows } from "./evaluate.ts";
import { allFinite, firstNonFinite } from "./first-nonfinite.ts";
import {
  CHECKPOINT_FOLDER,
  ENCODING_FILE,
  METRICS_FILE,
  MODEL_FILE,
  newestCheckpoint,
  refuseOldRun,
} from "./run-folder.ts";
import { type RateOptions, rateAt } from "./schedule.ts";
import { epochOrder } from "./shuffle.ts";
import { initialState, storedState, type TrainingState } from "./state.ts";
import { openStepper, type StepRequest } from "./step.ts";

export interface TrainOptions extends RateOptions {
  readonly epochs: number;
  /** Rows of a step; the last step of an epoch takes what is left. */
  readonly batch: number;
  readonly seed: bigint;
  /** Epochs without a lower validation loss after which the run ends; 0 for never. */
  readonly patience: number;
  /** Steps between checkpoints; one is written at the end of each epoch too. */
  readonly checkpointEvery: number;
  readonly keep: number;
}

export interface TrainRequest {
  readonly folder: string;
  readonly library: CpuLibrary;
  readonly config: MoeConfig;
  readonly data: TrainingData;
  readonly options: TrainOptions;
  readonly step: {
    /** The dense step, whose weights are those of files. */
    readonly program: TensorProgram;
    /** The sparse one, which is run. */
    readonly sparse: TensorProgram;
    /** Of the sparse one: says where a step went wrong. */
    readonly plan: () => Promise<Plan>;
  };
  readonly resume: boolean;
  readonly onStep?: (line: StepLine, total: number) => void;
  readonly onEpoch?: (line: EpochLine) => void;
  readonly onWarnings?: (warnings: readonly Diagnostic[]) => void;
}

export interface Trained {
  readonly steps: number;
  readonly epochs: number;
  readonly stoppedEarly: boolean;
  /** The epoch with the lowest validation loss, whose weights are evaluated here. */
  readonly bestEpoch: number;
  readonly model: string;
  readonly parts: Readonly<Record<"train" | "validation" | "test", Evaluation>>;
}

const PARTS = ["train", "validation", "test"] as const;

/**
 * Trains, or goes on. TK583: a batch larger than the training rows; TK585: the loss, a gradient, a weight that
 * would be stored, or the validation loss is no finite number;
 * TK586: the metrics do not reach the checkpoint; TK587: the folder holds a run, and it was not asked to go on; TK588: the
 * metrics or the model cannot be written; TK577 to TK579: see `checkpoint.ts`.
 */
export async function train(request: TrainRequest): Promise<Result<Trained>> {
  const { folder, library, config, data, options, step } = request;
  const trainRows = data.rows.train.length;
  if (options.batch > trainRows) {
    const message = `the batch has ${options.batch} rows, and the training split ${trainRows}`;
    const fix = trainRows === 0 ? "give more rows" : `give --batch ${trainRows} or less, or more rows`;
    return refuse(error("TK583", undefined, message, fix));
  }
  const begun = begin(request);
  if (!begun.ok) return begun;
  const { state, averages, journal } = begun.value;
  const stepper = openStepper(library, step.sparse, config, data, state);
  const perEpoch = Math.ceil(trainRows / options.batch);
  const total = perEpoch * options.epochs;
  const [steps, epochs] = [[...journal.steps], [...journal.epochs]];
  /** The state before the step, in case that it comes out as no number. */
  const before = new Map([...state.stacked].map(([name, values]) => [name, values.slice()]));

  while (steps.length < total && !isExhausted(epochs, options)) {
    const number = steps.length + 1;
    const epoch = Math.ceil(number / perEpoch);
    const order = epochOrder(trainRows, options.seed, epoch);
    for (let at = steps.length % perEpoch; at < perEpoch; at++) {
      const current = steps.length + 1;
      const places = order.subarray(at * options.batch, (at + 1) * options.batch);
      const rows = places.map((place) => data.rows.train[place] ?? 0);
      const asked = { rows, rate: rateAt(current, total, options), step: current, epoch };
      for (const [name, values] of state.stacked) before.get(name)?.set(values);
      const line = stepper.run(asked);
      const isLast = at === perEpoch - 1;
      const isStored = isLast || current % options.checkpointEvery === 0;
      // The update can leave the range of f32 where the loss did not: such a state must not replace a good checkpoint.
      const isNumber = ![line.loss, line.norms.router_path, line.norms.expert_path].includes(null);
      if (!isNumber || (isStored && ![...state.stacked.values()].every(allFinite))) {
        return refuse(await diverged(request, stepper.tensors(asked), before, asked));
      }
      addToAverages(averages, state, current);
      steps.push(line);
      const written = append(folder, line);
      if (!written.ok) return written;
      request.onStep?.(line, total);
      if (isLast) {
        const ended = endEpoch(request, averages, steps, epochs);
        if (!ended.ok) return ended;
        epochs.push(ended.value);
        request.onEpoch?.(ended.value);
      }
      if (isStored) {
        const saved = save(request, state, averages, current);
        if (!saved.ok) return saved;
      }
      // Lets the progress line move, and a signal through.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return finish(request, averages, steps.length, epochs);
}

interface Begun {
  readonly state: TrainingState;
  /** Of the weights; see `average.ts`. */
  readonly averages: TrainingState;
  readonly journal: Journal;
}

/** What the run begins with. */
function begin(request: TrainRequest): Result<Begun> {
  const { folder, options, step, resume } = request;
  const state = initialState(step.program, options.seed);
  const averages = averagesOf(state);
  const fresh: Journal = { run: runLine(request), steps: [], epochs: [] };
  const metrics = join(folder, METRICS_FILE);
  const checkpoints = join(folder, CHECKPOINT_FOLDER);
  const old = resume ? undefined : refuseOldRun(folder);
  if (old !== undefined) return refuse(old);
  const latest = latestCheckpoint(checkpoints, configurationOf(request));
  if (!latest.ok) return latest;
  const { checkpoint, warnings } = latest.value;
  request.onWarnings?.(warnings);
  if (checkpoint === undefined) {
    const { encoding } = request.data;
    const written = guarded(folder, () => {
      mkdirSync(folder, { recursive: true });
      if (encoding !== undefined) writeDurably(join(folder, ENCODING_FILE), `${JSON.stringify(encoding)}\n`);
      writeDurably(metrics, renderJournal(fresh));
    });
    return written.ok ? ok({ state, averages, journal: fresh }) : written;
  }
  const restored = restoreCheckpoint(step.program, state, averages, checkpoint.tensors, checkpoint.path);
  if (!restored.ok) return restored;
  const read = readMetrics(metrics);
  if (!read.ok) return read;
  const journal = journalUntil(read.value, checkpoint.step);
  if (!journal.complete || JSON.stringify(journal.run) !== JSON.stringify(fresh.run)) {
    const message = `the metrics are not those of the ${checkpoint.step} steps of ${checkpoint.path}`;
    return refuse(error("TK586", fileSpan(metrics), message, "restore the file, or train anew in another folder"));
  }
  const written = write(metrics, renderJournal(journal));
  return written.ok ? ok({ state, averages, journal }) : written;
}

function runLine({ data, ...request }: TrainRequest): RunLine {
  const [first, second] = data.heads;
  return {
    kind: "run",
    format: 1,
    configuration: configurationOf({ data, ...request }),
    heads: [
      { name: first.name, classes: first.classes },
      { name: second.name, classes: second.classes },
    ],
    rows: {
      train: data.rows.train.length,
      validation: data.rows.validation.length,
      test: data.rows.test.length,
    },
  };
}

/** Everything that the weights depend on, as plain values. How often a checkpoint is written, and what is kept, is not. */
function configurationOf({ config, options, data }: Pick<TrainRequest, "config" | "options" | "data">): Configuration {
  const { training, ...shape } = config;
  const { epochs, batch, rate, warmup, schedule, patience, seed } = options;
  return {
    ...shape,
    ...Object.fromEntries(Object.entries(training).map(([name, value]) => [`training.${name}`, value])),
    ...{ epochs, batch, rate, warmup, schedule, patience },
    seed: String(seed),
    data: data.fingerprint,
  };
}

/** The line of the epoch that has just ended, after the model has been written where it is the best so far. */
function endEpoch(
  request: TrainRequest,
  averages: TrainingState,
  steps: readonly StepLine[],
  epochs: readonly EpochLine[],
): Result<EpochLine> {
  const { library, config, data, folder, step } = request;
  const epoch = epochs.length + 1;
  const own = steps.filter((line) => line.epoch === epoch);
  const load = Array.from({ length: config.experts }, (_, e) =>
    own.reduce((sum, line) => sum + (line.load[e] ?? 0), 0),
  );
  const validation = evaluateRows(library, config, data, averages, data.rows.validation);
  if (data.rows.validation.length > 0 && !Number.isFinite(validation.loss)) {
    const message = `the validation loss of epoch ${epoch} is not finite; ${lastGood(folder)}`;
    return refuse(error("TK585", fileSpan(folder), message, LOWER_RATE));
  }
  const score: Score = { loss: validation.loss, accuracy: validation.accuracy };
  const line: EpochLine = {
    kind: "epoch",
    epoch,
    step: steps.length,
    train: scoreOf(own),
    ...(data.rows.validation.length > 0 && { validation: score }),
    load,
  };
  if (bestOf([...epochs, line]) === line) {
    const weights = storedModel(step.program, averages);
    const written = write(join(folder, MODEL_FILE), encodeSafetensors(weights, new Map([["epoch", String(epoch)]])));
    if (!written.ok) return written;
  }
  const appended = append(folder, line);
  return appended.ok ? ok(line) : appended;
}

function scoreOf(lines: readonly StepLine[]): Score {
  const rows = lines.reduce((sum, line) => sum + line.rows, 0);
  const share = (head: 0 | 1): number => lines.reduce((sum, line) => sum + line.correct[head], 0) / rows;
  const loss = lines.reduce((sum, line) => sum + (line.crossEntropy ?? 0) * line.rows, 0) / rows;
  return { loss, accuracy: [share(0), share(1)] };
}

/** The first epoch with the lowest validation loss; without validation rows, training loss. */
function bestOf(epochs: readonly EpochLine[]): EpochLine | undefined {
  const lossOf = ({ validation, train: score }: EpochLine): number => (validation ?? score).loss;
  return epochs.reduce<EpochLine | undefined>(
    (best, line) => (best === undefined || lossOf(line) < lossOf(best) ? line : best),
    undefined,
  );
}

function isExhausted(epochs: readonly EpochLine[], { patience }: TrainOptions): boolean {
  const best = bestOf(epochs);
  return patience > 0 && best !== undefined && epochs.length - best.epoch >= patience;
}

function save(request: TrainRequest, state: TrainingState, averages: TrainingState, step: number): Result<string> {
  const { folder, options, data } = request;
  const perEpoch = Math.ceil(data.rows.train.length / options.batch);
  const [whole, left] = [Math.floor(step / perEpoch), step % perEpoch];
  const at = {
    seed: options.seed,
    dataPosition: whole * data.rows.train.length + left * options.batch,
    configuration: configurationOf(request),
  };
  const { program } = request.step;
  // A checkpoint without the metrics up to it could not be gone on from.
  const flushed = guarded(join(folder, METRICS_FILE), syncFile);
  if (!flushed.ok) return flushed;
  const tensors = [...storedState(program, state), ...storedAverages(program, averages)];
  return writeCheckpoint(join(folder, CHECKPOINT_FOLDER), step, tensors, at, options.keep);
}

/** TK585: which step, and which of its tensors first, came out as no finite number. */
async function diverged(
  { library, step, folder }: TrainRequest,
  given: ReturnType<ReturnType<typeof openStepper>["tensors"]>,
  before: TrainingState["stacked"],
  asked: StepRequest,
): Promise<Diagnostic> {
  const tensors = { ...given, ...Object.fromEntries(before) };
  const found = firstNonFinite(library, await step.plan(), tensors, { B: asked.rows.length });
  if (found === undefined) throw new InternalError(`step ${asked.step} diverged, and nothing in it did`);
  const where = found.label === undefined ? found.tensor : `${found.tensor}, which ${found.label} computes`;
  const message = `step ${asked.step} (epoch ${asked.epoch}) has no finite result; the first tensor is ${where}`;
  return error("TK585", fileSpan(folder), `${message}; ${lastGood(folder)}`, LOWER_RATE);
}

const LOWER_RATE = "lower --rate, or lengthen --warmup, and train anew";

function lastGood(folder: string): string {
  const checkpoint = newestCheckpoint(folder);
  return checkpoint === undefined ? "no checkpoint was written before it" : `the last good checkpoint is ${checkpoint}`;
}

/** Evaluates the weights of the best epoch. */
function finish(
  { folder, library, config, data, options, step }: TrainRequest,
  averages: TrainingState,
  steps: number,
  epochs: readonly EpochLine[],
): Result<Trained> {
  const model = join(folder, MODEL_FILE);
  const best = bestOf(epochs);
  if (best !== undefined) {
    const file = readSafetensors(model);
    if (!file.ok) return file;
    const restored = restoreModel(step.program, averages, file.value.tensors, model);
    if (!restored.ok) return restored;
  }
  const [trainPart, validation, test] = PARTS.map((part) =>
    evaluateRows(library, config, data, averages, data.rows[part]),
  );
  if (trainPart === undefined || validation === undefined || test === undefined) throw new InternalError("no parts");
  return ok({
    steps,
    epochs: epochs.length,
    stoppedEarly: epochs.length < options.epochs,
    bestEpoch: best?.epoch ?? 0,
    model,
    parts: { train: trainPart, validation, test },
  });
}

function append(folder: string, line: StepLine | EpochLine): Result<undefined> {
  return guarded(join(folder, METRICS_FILE), (path) => appendMetrics(path, line));
}

function write(path: string, content: Parameters<typeof writeDurably>[1]): Result<undefined> {
  return guarded(path, () => writeDurably(path, content));
}

/** TK588: the system refused. */
function guarded(path: string, act: (path: string) => void): Result<undefined> {
  try {
    act(path);
    return ok(undefined);
  } catch (cause) {
    const message = `the file cannot be written: ${systemErrorCode(cause)}`;
    return refuse(error("TK588", fileSpan(path), message, "make room, then go on with --resume"));
  }
}
