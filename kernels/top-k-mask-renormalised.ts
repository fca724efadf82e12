import { block, ceilDiv, f32, i32, input, invariant, kernel, output, requires, scalar, thread } from "tokitai/dsl";

const ROWS = 64;

/**
 * w = p/Σp at the k largest of each row, the sum going over the chosen; exactly 0 elsewhere
 *
 * One thread per row: it ranks every entry as `top_k_mask` does, first for the sum, then for the result.
 */
export const top_k_mask_renormalised = kernel(
  { p: input(f32, ["B", "E"]), k: scalar(i32), w: output(f32, ["B", "E"]) },
  {
    computes: "top_k_mask_renormalised",
    grid: ({ B }) => [ceilDiv(B, ROWS)],
    block: [ROWS],
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ p, k, w }, { B, E }) => {
    requires(1 <= k && k <= E);
    const b = block.x * ROWS + thread.x;
    if (b >= B) return;
    let sum = f32(0);
    for (let e = 0; e < E; e++) {
      let rank = 0;
      for (let j = 0; j < E; j++) {
        invariant(0 <= rank && rank <= j);
        if (p[b][j] > p[b][e] || (p[b][j] === p[b][e] && j < e)) rank += 1;
      }
      if (rank < k) sum += p[b][e];
    }
    for (let e = 0; e < E; e++) {
      let rank = 0;
      for (let j = 0; j < E; j++) {
        invariant(0 <= rank && rank <= j);
        if (p[b][j] > p[b][e] || (p[b][j] === p[b][e] && j < e)) rank += 1;
      }
      w[b][e] = rank < k ? p[b][e] / sum : f32(0);
    }
  },
);
