import {
  block,
  ceilDiv,
  covers,
  div,
  ensures,
  f32,
  forall,
  i32,
  input,
  invariant,
  kernel,
  min,
  mod,
  output,
  requires,
} from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/**
 * ids[b·K+s] = the s-th expert, in ascending order, among the K largest of row b; gates[b,s] = what p is there
 *
 * An entry's rank is the number of entries that are larger, or equal and further left; it is chosen when its rank is below K. A
 * comparison with NaN is false, so that a row with NaN may have more than K of rank below K: the first K of them are taken. A block
 * has ROWS rows.
 */
export const top_k_experts = kernel(
  { p: input(f32, ["B", "E"]), ids: output(i32, ["T"]), gates: output(f32, ["B", "K"]) },
  {
    computes: "top_k_experts",
    simd: ["avx512", "avx2"],
    index: "i32",
    where: { T: ({ B, K }) => B * K },
    grid: ({ B }) => [ceilDiv(B, ROWS)],
    block: [1],
  },
  ({ p, ids, gates }, { B, E, T, K }) => {
    requires(K <= E);
    covers(ids, (t) => ({ block: [div(div(t, K), ROWS)], b: div(t, K), s: mod(t, K) }));
    covers(gates, (b, s) => ({ block: [div(b, ROWS)], b, s }));
    ensures(forall([T], (t) => 0 <= ids[t] && ids[t] < E));
    const end = min(block.x * ROWS + ROWS, B);
    for (let b = block.x * ROWS; b < end; b++) {
      for (let s = 0; s < K; s++) {
        let seen = 0;
        let expert = 0;
        let gate = f32(0);
        for (let e = 0; e < E; e++) {
          invariant(0 <= seen && seen <= e);
          invariant(0 <= expert && (expert < e || expert === 0));
          const own = p[b][e];
          let rank = 0;
          for (let j = 0; j < E; j++) {
            invariant(0 <= rank && rank <= j);
            const other = p[b][j];
            if (other > own || (other === own && j < e)) rank += 1;
          }
          if (rank < K) {
            if (seen === s) {
              expert = e;
              gate = own;
            }
            seen += 1;
          }
        }
        ids[b * K + s] = expert;
        gates[b][s] = gate;
      }
    }
  },
);
