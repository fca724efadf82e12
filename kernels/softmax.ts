import { barrier, block, div, exp, f32, input, kernel, max, output, shared, thread } from "tokitai/dsl";
import { LOWEST } from "./math.ts";

const THREADS = 64;

/**
 * y = exp(x − max)/Σ exp(x − max) over each row
 *
 * One block per row; the maximum is subtracted, so that no exponential overflows. A row with a NaN comes out as NaN.
 */
export const softmax = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "softmax",
    grid: ({ B }) => [B],
    block: [THREADS],
    performance: { coalesced: ["x", "y"], conflictFree: ["partial"] },
    budget: { vgprs: 40, lds: 256, scratch: 0 },
  },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    const b = block.x;
    let largest = f32(LOWEST);
    for (let n = thread.x; n < N; n += THREADS) largest = max(largest, x[b][n]);
    partial[thread.x] = largest;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] = max(partial[thread.x], partial[thread.x + s]);
      barrier();
    }
    const top = partial[0];
    // Every thread has read the maximum before the tree is used again.
    barrier();
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += exp(x[b][n] - top);
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const total = partial[0];
    for (let n = thread.x; n < N; n += THREADS) y[b][n] = exp(x[b][n] - top) / total;
  },
);
