/**
 * How much each column alone gives away of each label.
 *
 * In: a frame and its labels. Out: per column and label, how well the column predicts the label on rows that it was not
 * fitted to: the share of rows guessed right, and the bits that remain to be told. Texts are compared as they are,
 * numbers by the tenth of the training rows that they fall into, dates by month; missing is a value of its own.
 */

import { InternalError } from "../support/result.ts";
import { datePart } from "./date.ts";
import type { Dataset, LabelColumn } from "./encode-csv.ts";
import type { Frame } from "./frame.ts";
import { TRAIN } from "./split.ts";

export interface Leakage {
  readonly column: string;
  readonly label: string;
  /** Share of held-out rows whose class is the most frequent one of their value in the training rows. */
  readonly accuracy: number;
  /** Mean of −log₂ p(class | value) over the held-out rows: an estimate of the conditional entropy from above. */
  readonly bits: number;
  /** The same two without the column. */
  readonly baseAccuracy: number;
  readonly baseBits: number;
}

/** Measures every column of the file, used or not, on the validation and test rows together; `dataset` has all rows. */
export function measureLeakage(frame: Frame, dataset: Dataset): readonly Leakage[] {
  if (dataset.rows !== frame.rows) throw new InternalError("leakage is measured on all rows");
  return frame.table.header.flatMap((column, index) => {
    const groups = groupRows(frame, column, index);
    return dataset.labels.map((label) => {
      const alone = predict(
        frame.split,
        frame.table.rows.map(() => ""),
        label,
      );
      const { accuracy, bits } = predict(frame.split, groups, label);
      return { column, label: label.name, accuracy, bits, baseAccuracy: alone.accuracy, baseBits: alone.bits };
    });
  });
}

function groupRows(frame: Frame, column: string, index: number): readonly string[] {
  const { features } = frame.schema;
  const at = features.findIndex((feature) => feature.column === column);
  const data = frame.features[at];
  if (data?.kind !== "numbers") return frame.table.rows.map((row) => row[index] ?? "");
  const { values } = data;
  if (features[at]?.kind === "date") {
    return Array.from(values, (day) => (Number.isNaN(day) ? "missing" : String(datePart(day, "month"))));
  }
  const known = values.filter((value, row) => frame.split[row] === TRAIN && !Number.isNaN(value)).sort();
  const bounds = Array.from({ length: 9 }, (_, tenth) => known[Math.floor(((tenth + 1) * known.length) / 10)] ?? 0);
  return Array.from(values, (value) =>
    Number.isNaN(value) ? "missing" : String(bounds.filter((bound) => bound <= value).length),
  );
}

/**
 * p(c | v) = (n(v, c) + m·p(c)) / (n(v) + m) with m = half the number of classes and p(c) the share of the class in the
 * training rows, itself (n(c) + ½) / (n + ½·classes): a value that training never saw falls back to p(c).
 */
function predict(
  split: Uint8Array,
  groups: readonly string[],
  { classes, values }: LabelColumn,
): Pick<Leakage, "accuracy" | "bits"> {
  const prior = new Array<number>(classes.length).fill(0);
  const byGroup = new Map<string, number[]>();
  for (const [row, group] of groups.entries()) {
    if (split[row] !== TRAIN) continue;
    const counts = byGroup.get(group) ?? new Array<number>(classes.length).fill(0);
    byGroup.set(group, counts);
    const value = values[row] ?? 0;
    counts[value] = (counts[value] ?? 0) + 1;
    prior[value] = (prior[value] ?? 0) + 1;
  }
  const weight = classes.length / 2;
  const share = (value: number): number => ((prior[value] ?? 0) + 0.5) / (sum(prior) + weight);

  let held = 0;
  let right = 0;
  let bits = 0;
  for (const [row, group] of groups.entries()) {
    if (split[row] === TRAIN) continue;
    const counts = byGroup.get(group);
    const value = values[row] ?? 0;
    held++;
    if (mode(counts ?? prior) === value) right++;
    bits -= Math.log2(((counts?.[value] ?? 0) + weight * share(value)) / (sum(counts ?? []) + weight));
  }
  return { accuracy: right / held, bits: bits / held };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** The most frequent class; of equals the first. */
function mode(counts: readonly number[]): number {
  return counts.indexOf(Math.max(...counts));
}
