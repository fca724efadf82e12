import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const THREADS = 64;

/**
 * Attention scores under a causal mask: a query sees keys up to its own place.
 *
 * Broken: threads beyond the diagonal leave without writing, since their scores do not count. The softmax that follows
 * reads the whole row, and finds scores of another batch there.
 */
export const causal_mask_correct = kernel(
  { q: input(f32, ["L", "D"]), k: input(f32, ["L", "D"]), scores: output(f32, ["L", "L"]) },
  { grid: ({ L }) => [ceilDiv(L, THREADS), L], block: [THREADS] },
  ({ q, k, scores }, { L, D }) => {
    const row = block.y;
    const column = block.x * THREADS + thread.x;
    if (column >= L) return;
    let dot = f32(0);
    if (column <= row) {
      for (let d = 0; d < D; d++) dot += q[row][d] * k[column][d];
    }
    scores[row][column] = column <= row ? dot : -1e30;
  },
);

export const causal_mask_broken = kernel(
  { q: input(f32, ["L", "D"]), k: input(f32, ["L", "D"]), scores: output(f32, ["L", "L"]) },
  { grid: ({ L }) => [ceilDiv(L, THREADS), L], block: [THREADS] },
  ({ q, k, scores }, { L, D }) => {
    const row = block.y;
    const column = block.x * THREADS + thread.x;
    if (column >= L || column > row) return;
    let dot = f32(0);
    for (let d = 0; d < D; d++) dot += q[row][d] * k[column][d];
    scores[row][column] = dot;
  },
);
