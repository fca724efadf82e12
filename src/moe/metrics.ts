/**
 * `metrics.jsonl`: what a training run writes down, one JSON object per line, and how it is read.
 *
 * The first line says what is trained; a line per step and one per epoch follow, in order. There is no time in it: the same
 * run writes the same file, also when it was killed and resumed. A resumed run takes from it what it has to know of the
 * steps before (`journalUntil`).
 */

import { appendFileSync, readFileSync } from "node:fs";
import { z } from "zod";
import { fileSpan } from "../data/source-file.ts";
import { error } from "../support/diagnostic.ts";
import { systemErrorCode } from "../support/durable.ts";
import { parseJson } from "../support/json.ts";
import { ok, type Result, refuse } from "../support/result.ts";

/** JSON has no NaN and no ∞; they are written as null. */
const real = z.number().nullable();
const count = z.int().min(0);
const perHead = z.tuple([z.number(), z.number()]).readonly();

const runSchema = z.strictObject({
  kind: z.literal("run"),
  format: z.literal(1),
  configuration: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  heads: z.tuple([
    z.strictObject({ name: z.string(), classes: z.array(z.string()).readonly() }),
    z.strictObject({ name: z.string(), classes: z.array(z.string()).readonly() }),
  ]),
  rows: z.strictObject({ train: count, validation: count, test: count }),
});

const stepSchema = z.strictObject({
  kind: z.literal("step"),
  /** From 1. */
  step: count,
  /** From 1. */
  epoch: count,
  rows: count,
  rate: z.number(),
  loss: real,
  crossEntropy: real,
  balance: real,
  z: real,
  /** Rows whose class was predicted, by head, before the update. */
  correct: z.tuple([count, count]).readonly(),
  /** Rows given to each expert. */
  load: z.array(count).readonly(),
  /** Mean over the rows of −Σ p·ln p, and the same of the mean p, in nats. */
  meanEntropy: real,
  entropyOfMean: real,
  /** Mean over the rows of the largest probability less the second largest. */
  margin: real,
  /** Of the gradients, before clipping. */
  norms: z.strictObject({ router_path: real, expert_path: real }),
  /** The factor of clipping. */
  scale: real,
});

const scoreSchema = z.strictObject({ loss: z.number(), accuracy: perHead });

const epochSchema = z.strictObject({
  kind: z.literal("epoch"),
  epoch: count,
  /** The last step of the epoch. */
  step: count,
  /** Of the steps, each before its update. */
  train: scoreSchema,
  /** Of the averaged weights after the epoch; absent where there are no rows to validate with. */
  validation: scoreSchema.optional(),
  /** Rows of the epoch that were given to each expert. */
  load: z.array(count).readonly(),
});

const lineSchema = z.discriminatedUnion("kind", [runSchema, stepSchema, epochSchema]);

export type RunLine = z.output<typeof runSchema>;
export type StepLine = z.output<typeof stepSchema>;
export type EpochLine = z.output<typeof epochSchema>;
export type Score = z.output<typeof scoreSchema>;

export interface Journal {
  readonly run: RunLine;
  readonly steps: readonly StepLine[];
  readonly epochs: readonly EpochLine[];
}

/**
 * Reads a whole file. TK580: it cannot be read; TK581: a line is not what a run writes, or they are out of order. A last
 * line that is cut off, as a killed process leaves it, is passed over.
 */
export function readMetrics(path: string): Result<Journal> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const fix = "name the folder that tokitai train wrote";
    return refuse(error("TK580", fileSpan(path), `the metrics cannot be read: ${systemErrorCode(cause)}`, fix));
  }
  const lines = text.split("\n").slice(0, -1);
  const [steps, epochs]: [StepLine[], EpochLine[]] = [[], []];
  let run: RunLine | undefined;
  for (const [index, line] of lines.entries()) {
    const no = (why: string) => {
      const span = { ...fileSpan(path), line: index + 1, endLine: index + 1 };
      return refuse(error("TK581", span, `this is not a line of metrics: ${why}`, "restore the file from its run"));
    };
    const parsed = lineSchema.safeParse(parseJson(line));
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return no(`${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim());
    }
    const value = parsed.data;
    if ((value.kind === "run") !== (index === 0)) return no("the first line, and no other, says what is trained");
    if (value.kind === "run") run = value;
    else if (value.kind === "step") {
      if (value.step !== steps.length + 1) return no(`step ${value.step} after ${steps.length}`);
      steps.push(value);
    } else {
      if (value.epoch !== epochs.length + 1) return no(`epoch ${value.epoch} after ${epochs.length}`);
      epochs.push(value);
    }
  }
  if (run === undefined) return refuse(error("TK581", fileSpan(path), "the metrics are empty", "train anew"));
  return ok({ run, steps, epochs });
}

/** What was written up to a step; and whether that is all of it, up to and with that step. */
export function journalUntil({ run, steps, epochs }: Journal, step: number): Journal & { readonly complete: boolean } {
  const kept = steps.filter((line) => line.step <= step);
  return { run, steps: kept, epochs: epochs.filter((line) => line.step <= step), complete: kept.length === step };
}

/** The file's text. */
export function renderJournal({ run, steps, epochs }: Journal): string {
  const byStep = new Map(epochs.map((line) => [line.step, line]));
  const lines = steps.flatMap((line) => {
    const epoch = byStep.get(line.step);
    return epoch === undefined ? [line] : [line, epoch];
  });
  return [run, ...lines].map((line) => `${JSON.stringify(line)}\n`).join("");
}

export function appendMetrics(path: string, line: RunLine | StepLine | EpochLine): void {
  appendFileSync(path, `${JSON.stringify(line)}\n`);
}
