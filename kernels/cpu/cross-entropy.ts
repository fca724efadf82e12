import {
  block,
  ceilDiv,
  covers,
  div,
  exp,
  f32,
  forall,
  i32,
  input,
  kernel,
  log,
  max,
  min,
  mod,
  output,
  registers,
  requires,
  scalar,
  simd,
} from "tokitai/dsl";
import { LOWEST } from "../math.ts";
import { ROWS } from "./short-rows.ts";

/**
 * loss[b] = the cross-entropy of two heads, whose logits are the columns before `split` and from it on
 *
 * Of each head log Σ exp(xₙ) − x at the label, with the maximum taken out. Rows lie across the lanes of vectors, each in a lane of
 * its own; a block has ROWS of them.
 */
export const cross_entropy = kernel(
  {
    x: input(f32, ["B", "N"]),
    first: input(i32, ["B"]),
    second: input(i32, ["B"]),
    split: scalar(i32),
    loss: output(f32, ["B", 1]),
  },
  { computes: "cross_entropy", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ x, first, second, split, loss }, { B, N }) => {
    requires(0 < split && split < N);
    requires(forall([B], (b) => 0 <= first[b] && first[b] < split));
    requires(forall([B], (b) => 0 <= second[b] && second[b] < N - split));
    covers(loss, (b, _) => ({ block: [div(b, ROWS)], b0: simd.lanes * div(b, simd.lanes), v: mod(b, simd.lanes) }));
    const largest = registers(f32, [simd.lanes]);
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const losses = registers(f32, [simd.lanes]);
    const end = min(block.x * ROWS + ROWS, B);
    for (let b0 = block.x * ROWS; b0 < end; b0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) losses[v] = 0.0;
      for (let head = 0; head < 2; head++) {
        const from = head === 0 ? 0 : split;
        const to = head === 0 ? split : N;
        for (let v = 0; v < simd.lanes; v++) {
          largest[v] = LOWEST;
          sums[v] = 0.0;
        }
        for (let n = from; n < to; n++) {
          for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) largest[v] = max(largest[v], row[v]);
        }
        for (let n = from; n < to; n++) {
          for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + exp(row[v] - largest[v]);
        }
        for (let v = 0; v < simd.lanes; v++) {
          const b = min(b0 + v, B - 1);
          const label = head === 0 ? first[b] : split + second[b];
          losses[v] = losses[v] + (largest[v] - x[b][label] + log(sums[v]));
        }
      }
      for (let v = 0; v < simd.lanes; v++) {
        if (b0 + v < B) loss[b0 + v][0] = losses[v];
      }
    }
  },
);
