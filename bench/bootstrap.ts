/**
 * Paired bootstrap: is one list of predictions better than another on the same rows, beyond the chance of which rows they are?
 *
 * Rows are drawn with replacement, the same for both, and the difference of accuracies is taken each time (Efron and
 * Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). The seed fixes what is drawn.
 */

export interface Comparison {
  /** Accuracy of the first less that of the second, on all rows. */
  readonly difference: number;
  /** The middle 95 % of the resamples' differences. */
  readonly interval: readonly [number, number];
  /** Share of the resamples in which the first is worse. */
  readonly worse: number;
}

export function compareAccuracies(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
  truth: ArrayLike<number>,
  { resamples = 10_000, seed = 1 }: { readonly resamples?: number; readonly seed?: number } = {},
): Comparison {
  if (first.length !== truth.length || second.length !== truth.length || truth.length === 0) {
    throw new RangeError(`${first.length} and ${second.length} predictions of ${truth.length} rows`);
  }
  const gains = Array.from(
    truth as ArrayLike<number>,
    (label, row) => Number(first[row] === label) - Number(second[row] === label),
  );
  const rows = gains.length;
  const next = randomWords(seed);
  const differences = Float64Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < rows; draw++) sum += gains[Math.floor((next() / 2 ** 32) * rows)] ?? 0;
    return sum / rows;
  }).sort();
  const quantile = (share: number): number => differences[Math.floor(share * (resamples - 1))] ?? Number.NaN;
  return {
    difference: gains.reduce((sum, gain) => sum + gain, 0) / rows,
    interval: [quantile(0.025), quantile(0.975)],
    worse: differences.filter((difference) => difference < 0).length / resamples,
  };
}

/** 32-bit words of mulberry32 (Tommy Ettinger, 2017, public domain). */
function randomWords(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return (word ^ (word >>> 14)) >>> 0;
  };
}
