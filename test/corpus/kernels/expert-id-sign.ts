import { block, ceilDiv, f32, i32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Adds the bias of each token's expert; −1 stands for a token that was dropped.
 *
 * Broken: the id is checked against its sentinel only. An id of E or more, from a checkpoint with more experts or from a
 * routing kernel that pads with E, reads past the biases.
 */
export const expert_id_correct = kernel(
  { x: input(f32, ["T", "N"]), ids: input(i32, ["T"]), bias: input(f32, ["E", "N"]), y: output(f32, ["T", "N"]) },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ x, ids, bias, y }, { N, E }) => {
    const t = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    const e = ids[t];
    y[t][n] = 0 <= e && e < E ? x[t][n] + bias[e][n] : f32(0);
  },
);

export const expert_id_broken = kernel(
  { x: input(f32, ["T", "N"]), ids: input(i32, ["T"]), bias: input(f32, ["E", "N"]), y: output(f32, ["T", "N"]) },
  { grid: ({ T, N }) => [ceilDiv(N, THREADS), T], block: [THREADS] },
  ({ x, ids, bias, y }, { N }) => {
    const t = block.y;
    const n = block.x * THREADS + thread.x;
    if (n >= N) return;
    const e = ids[t];
    y[t][n] = 0 <= e ? x[t][n] + bias[e][n] : f32(0);
  },
);
