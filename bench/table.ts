/** The table that `npm run bench` prints: contenders at one piece of work, checked to compute the same, and measured in turns. */

import { type Spread, spreadOf } from "../src/moe/measure.ts";
import { alternate, type Contender, type Rounds } from "./peers/contender.ts";

export const PARTS = ["gemm", "grouped", "forward", "step", "memory"] as const;
export type Part = (typeof PARTS)[number];

/** One line of a table: a contender at one piece of work. */
export interface Row {
  readonly part: Part;
  readonly work: string;
  readonly contender: string;
  /** Seconds per call. */
  readonly seconds: Spread;
  /** Floating-point operations of a call, where they are counted. */
  readonly operations?: number;
  /** How many times as long as tokitai's best takes. */
  readonly ratio: number;
  /** The largest difference from tokitai's numbers. */
  readonly difference: number;
}

export interface Memory {
  readonly work: string;
  readonly contender: string;
  /** Beside weights, gradients and moments. */
  readonly bytes: number;
}

/** All lines so far. */
export const rows: Row[] = [];
export const memories: Memory[] = [];
/** What is printed below the tables: versions, and what is missing. */
export const remarks = new Set<string>();
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

export interface Entry extends Contender {
  readonly ours: boolean;
  readonly difference: number;
}

export async function compare(
  rounds: Rounds,
  part: Part,
  work: string,
  entries: readonly Entry[],
  operations?: number,
): Promise<void> {
  const samples = await alternate(entries, rounds);
  const spreads = new Map(entries.map(({ name }) => [name, spreadOf(samples.get(name) ?? [])]));
  const best = Math.min(...entries.filter(({ ours }) => ours).map(({ name }) => spreads.get(name)?.median ?? Infinity));
  for (const { name, difference } of entries) {
    const seconds = spreads.get(name) ?? spreadOf([]);
    const row: Row = {
      part,
      work,
      contender: name,
      seconds,
      ratio: seconds.median / best,
      difference,
      ...(operations !== undefined && { operations }),
    };
    rows.push(row);
    const rate = operations === undefined ? "" : `${(operations / seconds.median / 1e9).toFixed(1)} GFLOP/s`;
    const cells = [work, name, milliseconds(seconds), rate, row.ratio.toFixed(2), difference.toExponential(1)];
    print(`| ${cells.join(" | ")} |`);
  }
}

function milliseconds({ median, least, most }: Spread): string {
  const [middle, ...ends] = [median, least, most].map((seconds) => (1_000 * seconds).toPrecision(3));
  return `${middle} (${ends.join(" to ")})`;
}

export function head(title: string): void {
  print(`\n### ${title}\n`);
  print("| work | contender | ms, median (least to most) | rate | × tokitai's best | difference |");
  print("| --- | --- | --- | --- | --- | --- |");
}

export function differenceOf(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

/** What two right results may differ by, of numbers near 1. */
const TOLERANCE = 1e-3;

export function check(name: string, work: string, difference: number): void {
  if (!(difference <= TOLERANCE)) throw new Error(`${name} computes something else at ${work}: ${difference} away`);
}
