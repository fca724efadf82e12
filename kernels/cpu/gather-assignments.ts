import { block, covers, div, f32, forall, i32, input, kernel, mod, output, requires, scalar, simd } from "tokitai/dsl";

/**
 * y[p,n] = x[⌊source[p]/k⌋,n]: the row that the assignment at each place is of
 *
 * A row has k assignments, one after another, so that the row of assignment t is ⌊t/k⌋. A block has a row of y. What is left of it
 * by its vectors is done element by element.
 */
export const gather_assignments = kernel(
  { x: input(f32, ["R", "N"]), source: input(i32, ["T"]), k: scalar(i32), y: output(f32, ["T", "N"]) },
  { computes: "gather_assignments", simd: ["avx512", "avx2"], grid: ({ T }) => [T], block: [1] },
  ({ x, source, k, y }, { R, T, N }) => {
    requires(k >= 1 && T === R * k);
    requires(forall([T], (p) => 0 <= source[p] && source[p] < T));
    covers(y, (p, n) => ({
      block: [p],
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const whole = N - mod(N, simd.lanes);
    const p = block.x;
    const row = div(source[p], k);
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) y[p][n0 + v] = x[row][n0 + v];
    }
    for (let n = whole; n < N; n++) y[p][n] = x[row][n];
  },
);
