/** The thresholds of the diagnosis, by name: where a number begins to be a warning, and where a fault. */

export interface Threshold {
  readonly warning: number;
  readonly fault: number;
}

/** All shares are of 1, entropies of ln E, norms relative to the run's own median. */
export const THRESHOLDS = {
  /** Least share of the rows that an expert is given, of K/E, which it would have if all had the same; below is worse. */
  leastLoad: { warning: 0.1, fault: 0.01 },
  /** Entropy of the mean probabilities over ln E: 1 where experts are used alike, 0 where one has all; below is worse. */
  entropyOfMean: { warning: 0.7, fault: 0.4 },
  /** Share of the rows whose set of chosen experts is the most frequent one; above is worse. */
  commonChoice: { warning: 0.9, fault: 0.99 },
  /** Mean difference of the two largest probabilities: below, small changes of a row change its experts; below is worse. */
  margin: { warning: 0.01, fault: 0 },
  /** The largest gradient norm of a path in the last tenth of the steps over its median before; above is worse. */
  normGrowth: { warning: 10, fault: 100 },
  /** The smallest such norm over that median: a path that no longer learns; below is worse. */
  normDecay: { warning: 1e-3, fault: 1e-6 },
  /** A path's gradient norm itself; above is worse. */
  norm: { warning: 1e3, fault: 1e6 },
  /** Elements of the built library's results outside the reference's bounds; above is worse. */
  outsideBound: { warning: 0, fault: 0 },
} as const satisfies Readonly<Record<string, Threshold>>;

export type ThresholdName = keyof typeof THRESHOLDS;
export type Verdict = "ok" | "warning" | "fault";

/** The verdict of a number where larger is worse. */
export function aboveIsWorse(name: ThresholdName, value: number): Verdict {
  const { warning, fault } = THRESHOLDS[name];
  return !(value <= fault) ? "fault" : value > warning ? "warning" : "ok";
}

/** The verdict of a number where smaller is worse. */
export function belowIsWorse(name: ThresholdName, value: number): Verdict {
  const { warning, fault } = THRESHOLDS[name];
  return !(value >= fault) ? "fault" : value < warning ? "warning" : "ok";
}
