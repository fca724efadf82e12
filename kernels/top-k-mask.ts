import { block, ceilDiv, f32, i32, input, invariant, kernel, output, requires, scalar, thread } from "tokitai/dsl";

const ROWS = 16;
const COLUMNS = 16;

/**
 * w = p at the k largest of each row, exactly 0 elsewhere
 *
 * An entry's rank is the number of entries that are larger, or equal and further left; it is chosen when its rank is
 * below k. So ties go to the lower index, and a comparison with NaN, which is false, keeps every index in bounds.
 */
export const top_k_mask = kernel(
  { p: input(f32, ["B", "E"]), k: scalar(i32), w: output(f32, ["B", "E"]) },
  {
    computes: "top_k_mask",
    grid: ({ B, E }) => [ceilDiv(B, ROWS), ceilDiv(E, COLUMNS)],
    block: [COLUMNS, ROWS],
    budget: { vgprs: 16, lds: 0, scratch: 0 },
  },
  ({ p, k, w }, { B, E }) => {
    requires(1 <= k && k <= E);
    const b = block.x * ROWS + thread.y;
    const e = block.y * COLUMNS + thread.x;
    if (b >= B || e >= E) return;
    const own = p[b][e];
    let rank = 0;
    for (let j = 0; j < E; j++) {
      invariant(0 <= rank && rank <= j);
      const other = p[b][j];
      if (other > own || (other === own && j < e)) rank += 1;
    }
    w[b][e] = rank < k ? own : f32(0);
  },
);
