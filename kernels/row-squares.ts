import { barrier, block, div, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * y[r] = Σ x[r,c]² over each row
 *
 * One block per row: each thread takes every THREADS-th column, then a tree over the threads.
 */
export const row_squares = kernel(
  { x: input(f32, ["R", "C"]), y: output(f32, ["R"]) },
  {
    computes: "row_squares",
    grid: ({ R }) => [R],
    block: [THREADS],
    performance: { coalesced: ["x", "y"], conflictFree: ["partial"] },
    budget: { vgprs: 8, lds: 512, scratch: 0 },
  },
  ({ x, y }, { C }) => {
    const partial = shared(f32, [THREADS]);
    const r = block.x;
    let sum = f32(0);
    for (let c = thread.x; c < C; c += THREADS) sum += x[r][c] * x[r][c];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    if (thread.x === 0) y[r] = partial[0];
  },
);
