import { barrier, block, div, f32, i32, input, kernel, output, requires, scalar, shared, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * coefficients[e] = alpha·E·(rows with w[b,e] ≠ 0)/(k·B): what the load-balancing loss multiplies the probabilities by
 *
 * One block per expert: each thread counts every THREADS-th row, then a tree over the threads (Fedus, Zoph and Shazeer,
 * 2022, equation 4).
 */
export const balance_coefficients = kernel(
  {
    w: input(f32, ["B", "E"]),
    k: scalar(i32),
    alpha: scalar(f32),
    coefficients: output(f32, [1, "E"]),
  },
  {
    computes: "balance_coefficients",
    grid: ({ E }) => [E],
    block: [THREADS],
    performance: { conflictFree: ["partial"] },
    budget: { vgprs: 8, lds: 512, scratch: 0 },
  },
  ({ w, k, alpha, coefficients }, { B, E }) => {
    requires(1 <= k && k <= E);
    const partial = shared(f32, [THREADS]);
    const e = block.x;
    let count = f32(0);
    for (let b = thread.x; b < B; b += THREADS) count += w[b][e] !== f32(0) ? f32(1) : f32(0);
    partial[thread.x] = count;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    if (thread.x === 0) {
      // Without rows there are no shares.
      const share = B > 0 ? partial[0] / (f32(k) * f32(B)) : f32(0);
      coefficients[0][e] = alpha * f32(E) * share;
    }
  },
);
