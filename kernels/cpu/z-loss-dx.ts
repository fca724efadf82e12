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
 * dx[b,n] = dloss[b]·2·beta·log Σ exp(x)·softmax(x)[n]: the gradient of z_loss
 *
 * Rows lie across the lanes of vectors, each in a lane of its own; a block has ROWS of them.
 */
export const z_loss_dx = kernel(
  {
    x: input(f32, ["B", "N"]),
    dloss: input(f32, ["B", 1]),
    beta: scalar(f32),
    dx: output(f32, ["B", "N"]),
  },
  { computes: "z_loss_dx", simd: ["avx512", "avx2"], grid: ({ B }) => [ceilDiv(B, ROWS)], block: [1] },
  ({ x, dloss, beta, dx }, { B, N }) => {
    covers(dx, (b, n) => ({
      block: [div(b, ROWS)],
      b0: simd.lanes * div(b, simd.lanes),
      v: mod(b, simd.lanes),
      n,
    }));
    const largest = registers(f32, [simd.lanes]);
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const slopes = registers(f32, [simd.lanes]);
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
        slopes[v] = dloss[min(b0 + v, B - 1)][0] * (2.0 * (beta * (largest[v] + log(sums[v]))));
      }
      for (let n = 0; n < N; n++) {
        for (let v = 0; v < simd.lanes; v++) row[v] = x[min(b0 + v, B - 1)][n];
        for (let v = 0; v < simd.lanes; v++) row[v] = slopes[v] * (exp(row[v] - largest[v]) / sums[v]);
        for (let v = 0; v < simd.lanes; v++) {
          if (b0 + v < B) dx[b0 + v][n] = row[v];
        }
      }
    }
  },
);
