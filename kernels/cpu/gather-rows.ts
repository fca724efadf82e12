import { block, covers, div, f32, forall, i32, input, kernel, mod, output, requires, simd } from "tokitai/dsl";

/**
 * y[t,n] = x[source[t],n]: each row of y is the row of x that `source` names
 *
 * A block has a row. What is left of it by its vectors is done element by element.
 */
export const gather_rows = kernel(
  { x: input(f32, ["R", "N"]), source: input(i32, ["T"]), y: output(f32, ["T", "N"]) },
  { computes: "gather_rows", simd: ["avx512", "avx2"], grid: ({ T }) => [T], block: [1] },
  ({ x, source, y }, { R, T, N }) => {
    requires(forall([T], (t) => 0 <= source[t] && source[t] < R));
    covers(y, (t, n) => ({
      block: [t],
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const whole = N - mod(N, simd.lanes);
    const t = block.x;
    const row = source[t];
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) y[t][n0 + v] = x[row][n0 + v];
    }
    for (let n = whole; n < N; n++) y[t][n] = x[row][n];
  },
);
