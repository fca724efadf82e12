import { block, ceilDiv, f32, i32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * The gradient of each expert's bias: the sum over its tokens.
 *
 * Broken: an expert that got no tokens leaves early, since there is nothing to sum. Its gradient is then not 0 but
 * whatever the buffer held, and the optimiser moves an expert that nobody used.
 */
export const idle_expert_correct = kernel(
  { dy: input(f32, ["T", "N"]), ids: input(i32, ["T"]), counts: input(i32, ["E"]), dbias: output(f32, ["E", "N"]) },
  { grid: ({ E, N }) => [ceilDiv(N, THREADS), E], block: [THREADS] },
  ({ dy, ids, dbias }, { T, N }) => {
    const e = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    let sum = f32(0);
    for (let t = 0; t < T; t++) {
      if (ids[t] === e) sum += dy[t][n];
    }
    dbias[e][n] = sum;
  },
);

export const idle_expert_broken = kernel(
  { dy: input(f32, ["T", "N"]), ids: input(i32, ["T"]), counts: input(i32, ["E"]), dbias: output(f32, ["E", "N"]) },
  { grid: ({ E, N }) => [ceilDiv(N, THREADS), E], block: [THREADS] },
  ({ dy, ids, counts, dbias }, { T, N }) => {
    const e = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N || counts[e] === 0) return;
    let sum = f32(0);
    for (let t = 0; t < T; t++) {
      if (ids[t] === e) sum += dy[t][n];
    }
    dbias[e][n] = sum;
  },
);
