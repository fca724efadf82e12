import {
  block,
  ceilDiv,
  covers,
  div,
  f32,
  forall,
  i32,
  input,
  kernel,
  mod,
  output,
  registers,
  requires,
  simd,
} from "tokitai/dsl";

/**
 * y[e,n] = Σ x[p,n] over the rows p from offsets[e] to below offsets[e+1]: the gradient of a grouped linear layer's bias
 *
 * A block has an expert and as many columns as a vector has lanes, and walks down the expert's rows; one without rows gets zeros.
 */
export const grouped_column_sum = kernel(
  { x: input(f32, ["T", "N"]), offsets: input(i32, ["E+1"]), y: output(f32, ["E", "N"]) },
  {
    computes: "grouped_column_sum",
    simd: ["avx512", "avx2"],
    grid: ({ E, N }) => [ceilDiv(N, simd.lanes), E],
    block: [1],
  },
  ({ x, offsets, y }, { T, E, N }) => {
    requires(offsets[0] === 0 && offsets[E] === T);
    requires(forall([E + 1, E + 1], (e, f) => !(e <= f) || offsets[e] <= offsets[f]));
    covers(y, (e, n) => ({ block: [div(n, simd.lanes), e], v: mod(n, simd.lanes), n }));
    const sums = registers(f32, [simd.lanes]);
    const n0 = block.x * simd.lanes;
    const e = block.y;
    const end = offsets[e + 1];
    if (n0 + simd.lanes <= N) {
      for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
      for (let p = offsets[e]; p < end; p++) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = sums[v] + x[p][n0 + v];
      }
      for (let v = 0; v < simd.lanes; v++) y[e][n0 + v] = sums[v];
    } else {
      for (let n = n0; n < N; n++) {
        let sum = f32(0);
        for (let p = offsets[e]; p < end; p++) sum += x[p][n];
        y[e][n] = sum;
      }
    }
  },
);
