import { barrier, div, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * y[0] = Σ x[n]
 *
 * One block: each thread takes every THREADS-th element, then a tree over the threads.
 */
export const total = kernel(
  { x: input(f32, ["N"]), y: output(f32, [1]) },
  {
    computes: "total",
    grid: () => [1],
    block: [THREADS],
    performance: { coalesced: ["x", "y"], conflictFree: ["partial"] },
    budget: { vgprs: 8, lds: 512, scratch: 0 },
  },
  ({ x, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    if (thread.x === 0) y[0] = partial[0];
  },
);
