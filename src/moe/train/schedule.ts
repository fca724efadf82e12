/** The learning rate of each step: a linear rise over the first steps, then constant or half a cosine down to 0. */

import { InternalError } from "../../support/result.ts";

export const SCHEDULES = ["cosine", "constant"] as const;
export type Schedule = (typeof SCHEDULES)[number];

export interface RateOptions {
  /** After the rise. */
  readonly rate: number;
  /** Steps of the rise. */
  readonly warmup: number;
  readonly schedule: Schedule;
}

/** The rate of a step, counted from 1, of `total`. */
export function rateAt(step: number, total: number, { rate, warmup, schedule }: RateOptions): number {
  if (step <= warmup) return (rate * step) / warmup;
  switch (schedule) {
    case "constant":
      return rate;
    case "cosine": {
      const share = (step - warmup) / Math.max(1, total - warmup);
      return (rate / 2) * (1 + Math.cos(Math.PI * Math.min(1, share)));
    }
    default:
      schedule satisfies never;
      throw new InternalError(`unknown schedule ${String(schedule)}`);
  }
}
