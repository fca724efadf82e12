/** One training step: rows of the data → one call of the sparse step, which changes the state, and what it says of the batch. */

import type { TensorProgram } from "../../ir/tensor/types.ts";
import type { CpuLibrary, TensorData } from "../../runtime/cpu/library.ts";
import type { StepLine } from "../metrics.ts";
import type { MoeConfig } from "../sizes.ts";
import type { TrainingData } from "./data.ts";
import type { TrainingState } from "./state.ts";

/** What a call is given beside the data. */
export interface StepRequest {
  readonly rows: Int32Array;
  readonly rate: number;
  /** From 1. */
  readonly step: number;
  readonly epoch: number;
}

export interface Stepper {
  /** Changes the state, and gives the step's line of metrics. */
  readonly run: (request: StepRequest) => StepLine;
  /** Everything that the last call was given, but for the state, and gave. */
  readonly tensors: (request: StepRequest) => Readonly<Record<string, TensorData>>;
}

export function openStepper(
  library: CpuLibrary,
  program: TensorProgram,
  config: MoeConfig,
  data: TrainingData,
  state: TrainingState,
): Stepper {
  const buffers = new Map<string, Float32Array | Int32Array>();
  /** Room for a tensor of the batch, reused for every batch that is no larger. */
  const room = (name: string, elements: number, integers = false): Float32Array | Int32Array => {
    let buffer = buffers.get(name);
    if (buffer === undefined || buffer.length < elements) {
      buffer = integers ? new Int32Array(elements) : new Float32Array(elements);
      buffers.set(name, buffer);
    }
    return buffer.subarray(0, elements);
  };
  const tensors = ({ rows, rate, step }: StepRequest): Record<string, Float32Array | Int32Array> => {
    const x = room("x", rows.length * data.width);
    const [outcome, action] = [room("outcome", rows.length, true), room("action", rows.length, true)];
    for (const [b, row] of rows.entries()) {
      x.set(data.x.subarray(row * data.width, (row + 1) * data.width), b * data.width);
      outcome[b] = data.heads[0].values[row] ?? -1;
      action[b] = data.heads[1].values[row] ?? -1;
    }
    const { beta1, beta2 } = config.training;
    const rates = room("rates", 3);
    rates.set([rate, 1 - beta1 ** step, 1 - beta2 ** step]);
    const importance = room("importance", rows.length).fill(1 / rows.length);
    const outputs = program.outputs.map(({ name, shape }) => {
      const elements = shape.reduce<number>((n, dim) => n * (typeof dim === "number" ? dim : rows.length), 1);
      return [name, room(name, elements)] as const;
    });
    return { x, outcome, action, importance, rates, ...Object.fromEntries(outputs) };
  };
  return {
    tensors,
    run: (request) => {
      const given = tensors(request);
      library.call(program.name, {
        tensors: { ...given, ...Object.fromEntries(state.stacked) },
        dims: { B: request.rows.length },
      });
      return lineOf(request, given, config);
    },
  };
}

function lineOf(
  { rows, rate, step, epoch }: StepRequest,
  results: Readonly<Record<string, Float32Array | Int32Array>>,
  config: MoeConfig,
): StepLine {
  const { experts, outcomes, actions } = config;
  const scalar = (name: string): number | null => real(results[name]?.[0]);
  const root = (name: string): number | null => real(Math.sqrt(results[name]?.[0] ?? Number.NaN));
  const [y, p, w] = [results["y"] ?? [], results["probabilities"] ?? [], results["weights"] ?? []];
  const labels = [results["outcome"] ?? [], results["action"] ?? []];
  const correct: [number, number] = [0, 0];
  const load = new Array<number>(experts).fill(0);
  const mean = new Float64Array(experts);
  let [entropy, margin] = [0, 0];
  for (let b = 0; b < rows.length; b++) {
    const at = b * (outcomes + actions);
    if (largestAt(y, at, at + outcomes) - at === labels[0]?.[b]) correct[0]++;
    if (largestAt(y, at + outcomes, at + outcomes + actions) - at - outcomes === labels[1]?.[b]) correct[1]++;
    let [first, second] = [0, 0];
    for (let e = 0; e < experts; e++) {
      const own = p[b * experts + e] ?? 0;
      if (w[b * experts + e] !== 0) load[e] = (load[e] ?? 0) + 1;
      mean[e] = (mean[e] ?? 0) + own / rows.length;
      entropy += surprise(own);
      if (own > first) [first, second] = [own, first];
      else if (own > second) second = own;
    }
    margin += first - second;
  }
  return {
    kind: "step",
    step,
    epoch,
    rows: rows.length,
    rate,
    loss: scalar("loss"),
    crossEntropy: results["loss.cross_entropy"] === undefined ? scalar("loss") : scalar("loss.cross_entropy"),
    balance: scalar("loss.balance"),
    z: scalar("loss.z"),
    correct,
    load,
    meanEntropy: real(entropy / rows.length),
    entropyOfMean: real(mean.reduce((sum, own) => sum + surprise(own), 0)),
    margin: real(margin / rows.length),
    norms: { router_path: root("squares.router_path"), expert_path: root("squares.expert_path") },
    scale: scalar("scale"),
  };
}

/** −p·ln p, and 0 for 0. */
function surprise(p: number): number {
  return p > 0 ? -p * Math.log(p) : p === 0 ? 0 : Number.NaN;
}

function real(value: number | undefined): number | null {
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** The position of the largest of the elements from `from` to before `to`; the first of equals. */
export function largestAt(values: ArrayLike<number>, from: number, to: number): number {
  let best = from;
  for (let i = from + 1; i < to; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}
