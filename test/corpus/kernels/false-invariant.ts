import { block, ceilDiv, f32, input, invariant, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Quantile normalisation: each element becomes the reference's quantile of its own rank in the row.
 *
 * Broken: an element counts itself, so that the largest of a row gets rank N, and reads past the quantiles. The author's
 * invariant says that it cannot; nothing of a proof is worth more than the invariants that it rests on.
 */
export const quantile_correct = kernel(
  { x: input(f32, ["B", "N"]), quantiles: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS] },
  ({ x, quantiles, y }, { N }) => {
    const b = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    const own = x[b][n];
    let rank = 0;
    for (let m = 0; m < N; m++) {
      invariant(0 <= rank && rank <= m && (m <= n || rank < m));
      if (m !== n && (x[b][m] < own || (x[b][m] === own && m < n))) rank += 1;
    }
    y[b][n] = quantiles[rank];
  },
);

export const quantile_broken = kernel(
  { x: input(f32, ["B", "N"]), quantiles: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, THREADS), B], block: [THREADS] },
  ({ x, quantiles, y }, { N }) => {
    const b = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    const own = x[b][n];
    let rank = 0;
    for (let m = 0; m < N; m++) {
      invariant(0 <= rank && rank <= m && (m <= n || rank < m));
      if (x[b][m] <= own) rank += 1;
    }
    y[b][n] = quantiles[rank];
  },
);
