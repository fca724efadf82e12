import { barrier, block, div, f32, input, kernel, output, scalar, shared, sqrt, thread } from "tokitai/dsl";

const THREADS = 128;

/**
 * y = (x − mean)/√(variance + epsilon) over each row: what LayerNorm's gamma multiplies
 *
 * One block per row, as in layer_norm.
 */
export const standardise = kernel(
  { x: input(f32, ["B", "N"]), epsilon: scalar(f32), y: output(f32, ["B", "N"]) },
  {
    computes: "standardise",
    grid: ({ B }) => [B],
    block: [THREADS],
    performance: { coalesced: ["x", "y"], conflictFree: ["partial"] },
    budget: { vgprs: 32, lds: 512, scratch: 0 },
  },
  ({ x, epsilon, y }, { N }) => {
    const partial = shared(f32, [THREADS]);
    const b = block.x;
    let sum = f32(0);
    for (let n = thread.x; n < N; n += THREADS) sum += x[b][n];
    partial[thread.x] = sum;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const mean = partial[0] / f32(N);
    // Every thread has read the mean before the tree is used again.
    barrier();
    let squares = f32(0);
    for (let n = thread.x; n < N; n += THREADS) {
      const centred = x[b][n] - mean;
      squares += centred * centred;
    }
    partial[thread.x] = squares;
    barrier();
    for (let s = div(THREADS, 2); s > 0; s = div(s, 2)) {
      if (thread.x < s) partial[thread.x] += partial[thread.x + s];
      barrier();
    }
    const scale = 1.0 / sqrt(partial[0] / f32(N) + epsilon);
    for (let n = thread.x; n < N; n += THREADS) y[b][n] = (x[b][n] - mean) * scale;
  },
);
