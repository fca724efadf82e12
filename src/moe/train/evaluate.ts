/** Evaluation: weights + rows → loss, accuracy of each head, and which experts the rows go to. */

import type { CpuLibrary } from "../../runtime/cpu/library.ts";
import type { MoeConfig } from "../sizes.ts";
import type { TrainingData } from "./data.ts";
import { isMoment, type TrainingState } from "./state.ts";
import { largestAt } from "./step.ts";

export interface Evaluation {
  /** Mean over the rows of the cross-entropy of both heads; NaN without rows. */
  readonly loss: number;
  /** Share of rows whose class is predicted, by head; NaN without rows. */
  readonly accuracy: readonly [number, number];
  /** Predicted classes, by head, in the order of the rows. */
  readonly predictions: readonly [Int32Array, Int32Array];
  /** Rows given to each expert. */
  readonly load: readonly number[];
}

/** As many rows as one call takes. */
const CHUNK = 512;

export function evaluateRows(
  library: CpuLibrary,
  config: MoeConfig,
  data: TrainingData,
  state: TrainingState,
  rows: Int32Array,
): Evaluation {
  const { outcomes, actions, experts, chosen } = config;
  const width = outcomes + actions;
  const weights = Object.fromEntries([...state.stacked].filter(([name]) => !isMoment(name)));
  const predictions = [new Int32Array(rows.length), new Int32Array(rows.length)] as const;
  const correct: [number, number] = [0, 0];
  const load = new Array<number>(experts).fill(0);
  let loss = 0;
  for (let start = 0; start < rows.length; start += CHUNK) {
    const part = rows.subarray(start, start + CHUNK);
    const x = new Float32Array(part.length * data.width);
    for (const [b, row] of part.entries())
      x.set(data.x.subarray(row * data.width, (row + 1) * data.width), b * data.width);
    const y = new Float32Array(part.length * width);
    const probabilities = new Float32Array(part.length * experts);
    const [ids, gates] = [new Int32Array(part.length * chosen), new Float32Array(part.length * chosen)];
    library.call("moe_sparse_forward", {
      tensors: { x, ...weights, y, probabilities, ids, gates },
      dims: { B: part.length },
    });
    for (const [b, row] of part.entries()) {
      for (const [head, from, to] of [
        [0, 0, outcomes],
        [1, outcomes, width],
      ] as const) {
        const [begin, end] = [b * width + from, b * width + to];
        const label = data.heads[head].values[row] ?? 0;
        const predicted = largestAt(y, begin, end) - begin;
        predictions[head][start + b] = predicted;
        if (predicted === label) correct[head]++;
        loss += logSumExp(y, begin, end) - (y[begin + label] ?? Number.NaN);
      }
    }
    for (const expert of ids) load[expert] = (load[expert] ?? 0) + 1;
  }
  const share = (count: number): number => count / rows.length;
  return { loss: loss / rows.length, accuracy: [share(correct[0]), share(correct[1])], predictions, load };
}

function logSumExp(values: Float32Array, from: number, to: number): number {
  const largest = values[largestAt(values, from, to)] ?? 0;
  let sum = 0;
  for (let i = from; i < to; i++) sum += Math.exp((values[i] ?? 0) - largest);
  return largest + Math.log(sum);
}

/** The share of `rows` that the most frequent class of the training rows has, by head. */
export function majorityAccuracy({ heads, rows }: TrainingData, wanted: Int32Array): readonly [number, number] {
  const of = (head: 0 | 1): number => {
    const { values, classes } = heads[head];
    const counts = new Array<number>(classes.length).fill(0);
    for (const row of rows.train) counts[values[row] ?? 0] = (counts[values[row] ?? 0] ?? 0) + 1;
    const majority = largestAt(counts, 0, counts.length);
    return wanted.filter((row) => values[row] === majority).length / wanted.length;
  };
  return [of(0), of(1)];
}
