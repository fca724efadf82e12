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
 * dx[b,n] = dloss[b]·(softmax over n's head − 1 at its label): the gradient of cross_entropy
 *
 * Rows lie across the lanes of vectors, each in a lane of its own; a block has ROWS of them.
 */
export const cross_entropy_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    dloss: input(f32, ["B", 1]),
    first: input(i32, ["B"]),
    second: input(i32, ["B"]),
    split: scalar(i32),
    dx: output(f32, ["B", "N"]),
  },
  { computes: "cross_entropy_dx", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ x, dloss, first, second, split, dx }, { B, N }) => {
    requires(0 < split && split < N);
    requires(forall([B], (b) => 0 <= first[b] && first[b] < split));
    requires(forall([B], (b) => 0 <= second[b] && second[b] < N - split));
    covers(dx, (b, n) => ({
      block: [div(b, ROWS)],
      b0: simd.lanes * div(b, simd.lanes),
      head: n < split ? 0 : 1,
      v: mod(b, simd.lanes),
      n,
    }));
    const largest = registers(f32, [simd.lanes]);
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const chances = registers(f32, [simd.lanes]);
    const end = min(block.x * ROWS + ROWS, B);
    for (let b0 = block.x * ROWS; b0 < end; b0 += simd.lanes) {
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
        for (let n = from; n < to; n++) {
          for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) chances[v] = exp(row[v] - largest[v]) / sums[v];
          for (let v = 0; v < simd.lanes; v++) {
            if (b0 + v < B) {
              const b = b0 + v;
              const label = head === 0 ? first[b] : split + second[b];
              dx[b][n] = dloss[b][0] * (chances[v] - (n === label ? f32(1) : f32(0)));
            }
          }
        }
      }
    }
  },
);
