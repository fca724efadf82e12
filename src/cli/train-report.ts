/** What `tokitai train` shows: a progress line while it trains, and a table of accuracies at its end. */

import type { SingleBar } from "cli-progress";
import Table from "cli-table3";
import type { EpochLine, StepLine } from "../moe/metrics.ts";
import type { TrainingData } from "../moe/train/data.ts";
import { majorityAccuracy } from "../moe/train/evaluate.ts";
import type { Trained } from "../moe/train/loop.ts";

export interface TrainingReport {
  readonly step: (line: StepLine, total: number) => void;
  readonly epoch: (line: EpochLine) => void;
  readonly stop: () => void;
}

/** A bar on a terminal, which moves with every step; elsewhere a line per epoch. */
export function startTrainingReport(
  stream: NodeJS.WritableStream & { readonly isTTY?: boolean },
  { heads }: TrainingData,
): TrainingReport {
  const started = performance.now();
  let [bar, stopped, rows, last]: [SingleBar | undefined, boolean, number, StepLine | undefined] = [
    undefined,
    false,
    0,
    undefined,
  ];
  const speed = (): string => `${Math.round((1_000 * rows) / Math.max(1, performance.now() - started))} rows/s`;
  const percent = (share: number): string => share.toFixed(3);
  if (stream.isTTY === true) {
    void import("cli-progress").then(({ default: progress }) => {
      if (stopped) return;
      const format = "epoch {epoch} [{bar}] {value} of {total} steps  {text}";
      bar = new progress.SingleBar({ format, stream, hideCursor: true, clearOnComplete: true, fps: 5, barsize: 20 });
      bar.start(1, 0, { epoch: 1, text: "" });
    });
  }
  return {
    step: (line, total) => {
      rows += line.rows;
      last = line;
      if (bar === undefined) return;
      bar.setTotal(total);
      const accuracy = heads.map(({ name }, head) => `${name} ${percent((line.correct[head] ?? 0) / line.rows)}`);
      const text = `loss ${line.loss?.toFixed(3)}  ${accuracy.join("  ")}  load ${line.load.join("/")}  ${speed()}`;
      bar.update(line.step, { epoch: line.epoch, text });
    },
    epoch: ({ epoch, train, validation, load }) => {
      if (bar !== undefined) return;
      const part = (name: string, score: typeof train): string =>
        `${name} loss ${score.loss.toFixed(4)}, ${heads.map((head, i) => `${head.name} ${percent(score.accuracy[i] ?? 0)}`).join(", ")}`;
      const parts = [part("train", train), ...(validation === undefined ? [] : [part("validation", validation)])];
      const rate = last === undefined ? "" : `; ${speed()}`;
      stream.write(`epoch ${epoch}: ${parts.join("; ")}; load ${load.join("/")}${rate}\n`);
    },
    stop: () => {
      stopped = true;
      bar?.stop();
    },
  };
}

export interface TrainSummary {
  readonly folder: string;
  readonly model: string;
  readonly steps: number;
  readonly epochs: number;
  readonly stoppedEarly: boolean;
  readonly bestEpoch: number;
  readonly loss: Readonly<Record<"train" | "validation" | "test", number | null>>;
  /** Per head: accuracy of the best epoch's weights, and of always saying the most frequent class of the training rows. */
  readonly heads: readonly {
    readonly name: string;
    readonly accuracy: Readonly<Record<"train" | "validation" | "test", number | null>>;
    readonly majority: Readonly<Record<"train" | "validation" | "test", number | null>>;
  }[];
  /** Training rows given to each expert. */
  readonly load: readonly number[];
}

const PARTS = ["train", "validation", "test"] as const;

export function summarise({ parts, ...trained }: Trained, data: TrainingData, folder: string): TrainSummary {
  const { steps, epochs, stoppedEarly, bestEpoch, model } = trained;
  const each = (value: (part: (typeof PARTS)[number]) => number | undefined) => {
    const known = (part: (typeof PARTS)[number]): number | null => {
      const found = value(part);
      return found === undefined || Number.isNaN(found) ? null : found;
    };
    return { train: known("train"), validation: known("validation"), test: known("test") };
  };
  return {
    folder,
    model,
    steps,
    epochs,
    stoppedEarly,
    bestEpoch,
    loss: each((part) => parts[part].loss),
    heads: data.heads.map(({ name }, head) => ({
      name,
      accuracy: each((part) => parts[part].accuracy[head]),
      majority: each((part) => majorityAccuracy(data, data.rows[part])[head]),
    })),
    load: parts.train.load,
  };
}

export function describeTrained({
  model,
  steps,
  epochs,
  stoppedEarly,
  bestEpoch,
  loss,
  heads,
  load,
}: TrainSummary): string {
  const show = (value: number | null): string => (value === null ? "–" : value.toFixed(4));
  const table = new Table({ head: ["", ...PARTS], style: { head: [], border: [] } });
  table.push(["loss", ...PARTS.map((part) => show(loss[part]))]);
  for (const { name, accuracy, majority } of heads) {
    table.push([`${name}: accuracy`, ...PARTS.map((part) => show(accuracy[part]))]);
    table.push([`${name}: most frequent class`, ...PARTS.map((part) => show(majority[part]))]);
  }
  const ended = stoppedEarly ? ", stopped early" : "";
  const dead = load.flatMap((count, expert) => (count === 0 ? [expert] : []));
  return [
    `${steps} steps, ${epochs} epochs${ended}; the weights are those of epoch ${bestEpoch}`,
    table.toString(),
    `training rows given to each expert: ${load.join(", ")}${dead.length > 0 ? `; dead: ${dead.join(", ")}` : ""}`,
    `wrote ${model}`,
  ].join("\n");
}
