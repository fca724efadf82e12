import { block, ceilDiv, covers, div, f32, fma, input, kernel, min, mod, output, registers, simd } from "tokitai/dsl";
import { ROWS } from "./short-rows.ts";

/**
 * dx = p·(dp − Σ p·dp) over each row, with p the softmax's result
 *
 * A block has a row. The sums of its lanes are added up last; what is left of a row by its vectors is done element by element. Rows
 * shorter than a vector lie across its lanes instead, and a block has ROWS of them.
 */
export const softmax_dx = kernel(
  { p: input(f32, ["B", "N"]), dp: input(f32, ["B", "N"]), dx: output(f32, ["B", "N"]) },
  {
    computes: "softmax_dx",
    simd: ["avx512", "avx2"],
    grid: ({ B, N }) => [N < simd.lanes ? ceilDiv(B, ROWS) : B],
    block: [1],
  },
  ({ p, dp, dx }, { B, N }) => {
    covers(dx, (b, n) => ({
      block: [N < simd.lanes ? div(b, ROWS) : b],
      b0: simd.lanes * div(b, simd.lanes),
      n0: simd.lanes * div(n, simd.lanes),
      v: N < simd.lanes ? mod(b, simd.lanes) : mod(n, simd.lanes),
      n,
    }));
    const sums = registers(f32, [simd.lanes]);
    const row = registers(f32, [simd.lanes]);
    const slopes = registers(f32, [simd.lanes]);
    if (N < simd.lanes) {
      const end = min(block.x * ROWS + ROWS, B);
      for (let b0 = block.x * ROWS; b0 < end; b0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
        for (let n = 0; n < N; n++) {
          for (let v = 0; v < simd.lanes; v++) row[v] = p[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) slopes[v] = dp[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) sums[v] = fma(row[v], slopes[v], sums[v]);
        }
        for (let n = 0; n < N; n++) {
          for (let v = 0; v < simd.lanes; v++) row[v] = p[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) slopes[v] = dp[min(b0 + v, B - 1)][n];
          for (let v = 0; v < simd.lanes; v++) row[v] = row[v] * (slopes[v] - sums[v]);
          for (let v = 0; v < simd.lanes; v++) {
            if (b0 + v < B) dx[b0 + v][n] = row[v];
          }
        }
      }
    } else {
      const b = block.x;
      const whole = N - mod(N, simd.lanes);
      for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = fma(p[b][n0 + v], dp[b][n0 + v], sums[v]);
      }
      let mean = f32(0);
      for (let v = 0; v < simd.lanes; v++) mean += sums[v];
      for (let n = whole; n < N; n++) mean += p[b][n] * dp[b][n];
      for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
        for (let v = 0; v < simd.lanes; v++) dx[b][n0 + v] = p[b][n0 + v] * (dp[b][n0 + v] - mean);
      }
      for (let n = whole; n < N; n++) dx[b][n] = p[b][n] * (dp[b][n] - mean);
    }
  },
);
