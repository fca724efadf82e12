import {
  block,
  ceilDiv,
  covers,
  div,
  exp,
  f32,
  input,
  kernel,
  log,
  max,
  min,
  mod,
  output,
  registers,
  scalar,
  simd,
} from "tokitai/dsl";
import { LOWEST } from "../math.ts";
import { ROWS } from "./short-rows.ts";

/**
 * loss[b] = beta·(log Σ exp(xₙ))²: what keeps a router's logits small (Zoph et al., 2022, equation 5)
 *
 * Rows lie across the lanes of vectors, each in a lane of its own; a block has ROWS of them.
 */
export const z_loss = kernel(
  { x: input(f32, ["B", "N"]), beta: scalar(f32), loss: output(f32, ["B", 1]) },
  { computes: "z_loss", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ x, beta, loss }, { B, N }) => {
    covers(loss, (b, _) => ({ block: [div(b, ROWS)], b0: simd.lanes * div(b, simd.lanes), v: mod(b, simd.lanes) }));
    const largest = registers(f32, [simd.lanes]);
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const end = min(block.x * ROWS + ROWS, B);
    for (let b0 = block.x * ROWS; b0 < end; b0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        largest[v] = LOWEST;
        sums[v] = 0.0;
      }
      for (let n = 0; n < N; n++) {
        for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
        for (let v = 0; v < simd.lanes; v++) largest[v] = max(largest[v], row[v]);
      }
      for (let n = 0; n < N; n++) {
        for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
        for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + exp(row[v] - largest[v]);
      }
      for (let v = 0; v < simd.lanes; v++) {
        if (b0 + v < B) {
          const size = largest[v] + log(sums[v]);
          loss[b0 + v][0] = beta * (size * size);
        }
      }
    }
  },
);
