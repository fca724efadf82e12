import {
  block,
  ceilDiv,
  covers,
  div,
  f32,
  i32,
  input,
  invariant,
  kernel,
  min,
  output,
  requires,
  scalar,
} from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/**
 * w = p at the k largest of each row, exactly 0 elsewhere
 *
 * An entry's rank is the number of entries that are larger, or equal and further left; it is chosen when its rank is below k. So ties
 * go to the lower index. A block has ROWS rows.
 */
export const top_k_mask = kernel(
  { p: input(f32, ["B", "E"]), k: scalar(i32), w: output(f32, ["B", "E"]) },
  { computes: "top_k_mask", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ p, k, w }, { B, E }) => {
    requires(1 <= k && k <= E);
    covers(w, (b, e) => ({ block: [div(b, ROWS)], b, e }));
    const end = min(block.x * ROWS + ROWS, B);
    for (let b = block.x * ROWS; b < end; b++) {
      for (let e = 0; e < E; e++) {
        const own = p[b][e];
        let rank = 0;
        for (let j = 0; j < e; j++) {
          invariant(0 <= rank && rank <= j);
          rank += p[b][j] >= own ? 1 : 0;
        }
        for (let j = e; j < E; j++) {
          invariant(0 <= rank && rank <= j);
          rank += p[b][j] > own ? 1 : 0;
        }
        w[b][e] = rank < k ? own : f32(0);
      }
    }
  },
);
