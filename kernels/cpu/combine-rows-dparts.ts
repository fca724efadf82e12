import { block, covers, div, f32, forall, i32, input, kernel, mod, output, requires, simd } from "tokitai/dsl";

/**
 * dparts[p,n] = gates[b,s]·dy[b,n] where source[p] = b·K+s and the gate is not 0, exactly 0 elsewhere: what the expert path begins with
 *
 * A block has a place. What is left of its row by its vectors is done element by element.
 */
export const combine_rows_dparts = kernel(
  {
    gates: input(f32, ["B", "K"]),
    dy: input(f32, ["B", "N"]),
    source: input(i32, ["T"]),
    dparts: output(f32, ["T", "N"]),
  },
  {
    computes: "combine_rows_dparts",
    simd: ["avx512", "avx2"],
    where: { T: ({ B, K }) => B * K },
    grid: ({ T }) => [T],
    block: [1],
  },
  ({ gates, dy, source, dparts }, { T, K, N }) => {
    requires(forall([T], (p) => 0 <= source[p] && source[p] < T));
    covers(dparts, (p, n) => ({ block: [p], n0: simd.lanes * div(n, simd.lanes), v: mod(n, simd.lanes), n }));
    const whole = N - mod(N, simd.lanes);
    const p = block.x;
    const t = source[p];
    const b = div(t, K);
    const gate = gates[b][mod(t, K)];
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) dparts[p][n0 + v] = gate !== f32(0) ? gate * dy[b][n0 + v] : f32(0);
    }
    for (let n = whole; n < N; n++) dparts[p][n] = gate !== f32(0) ? gate * dy[b][n] : f32(0);
  },
);
