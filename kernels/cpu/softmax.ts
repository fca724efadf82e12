import {
  block,
  ceilDiv,
  covers,
  div,
  exp,
  f32,
  input,
  kernel,
  max,
  min,
  mod,
  output,
  registers,
  simd,
} from "tokitai/dsl";
import { LOWEST } from "../math.ts";
import { ROWS } from "./short-rows.ts";

/**
 * y = exp(x − max)/Σ exp(x − max) over each row
 *
 * A block has a row. What its lanes have found is put together last; what is left of a row by its vectors is done element by
 * element. Rows shorter than a vector lie across its lanes instead, each in a lane of its own, and a block has ROWS of them. The
 * maximum is subtracted, so that no exponential overflows. A row with a NaN comes out as NaN.
 */
export const softmax = kernel(
  { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
  {
    computes: "softmax",
    simd: ["avx512", "avx2"],
    grid: ({ B, N }) => [N < simd.lanes ? ceilDiv(B, ROWS) : B],
    block: [1],
  },
  ({ x, y }, { B, N }) => {
    covers(y, (b, n) => ({
      block: [N < simd.lanes ? div(b, ROWS) : b],
      b0: simd.lanes * div(b, simd.lanes),
      n0: simd.lanes * div(n, simd.lanes),
      v: N < simd.lanes ? mod(b, simd.lanes) : mod(n, simd.lanes),
      n,
    }));
    const largest = registers(f32, [simd.lanes]);
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    if (N < simd.lanes) {
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
        for (let n = 0; n < N; n++) {
          for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) row[v] = exp(row[v] - largest[v]) / sums[v];
          for (let v = 0; v < simd.lanes; v++) {
            if (b0 + v < B) y[b0 + v][n] = row[v];
          }
        }
      }
    } else {
      const b = block.x;
      const whole = N - mod(N, simd.lanes);
      for (let v = 0; v < simd.lanes; v++) {
        largest[v] = LOWEST;
        sums[v] = 0.0;
      }
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) largest[v] = max(largest[v], x[b][n0 + v]);
      }
      let top = f32(LOWEST);
      for (let v = 0; v < simd.lanes; v++) top = max(top, largest[v]);
      for (let n = whole; n < N; n++) top = max(top, x[b][n]);
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + exp(x[b][n0 + v] - top);
      }
      let sum = f32(0);
      for (let v = 0; v < simd.lanes; v++) sum += sums[v];
      for (let n = whole; n < N; n++) sum += exp(x[b][n] - top);
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) y[b][n0 + v] = exp(x[b][n0 + v] - top) / sum;
      }
      for (let n = whole; n < N; n++) y[b][n] = exp(x[b][n] - top) / sum;
    }
  },
);
