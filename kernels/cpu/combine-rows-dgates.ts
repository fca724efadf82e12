import { block, f32, fma, forall, i32, input, kernel, mod, output, registers, requires, simd } from "tokitai/dsl";

/**
 * dgates[b,s] = Σₙ dy[b,n]·parts[position[b·K+s],n] where gates[b,s] ≠ 0, exactly 0 elsewhere: what the router path begins with
 *
 * A block has a row. The sums of its lanes are added up last; what is left of a row by its vectors is added element by element. The part
 * of a choice with a gate of 0 is not read: it may be infinite.
 */
export const combine_rows_dgates = kernel(
  {
    gates: input(f32, ["B", "K"]),
    parts: input(f32, ["T", "N"]),
    dy: input(f32, ["B", "N"]),
    position: input(i32, ["T"]),
    dgates: output(f32, ["B", "K"]),
  },
  {
    computes: "combine_rows_dgates",
    simd: ["avx512", "avx2"],
    where: { T: ({ B, K }) => B * K },
    grid: ({ B }) => [B],
    block: [1],
  },
  ({ gates, parts, dy, position, dgates }, { T, K, N }) => {
    requires(forall([T], (t) => 0 <= position[t] && position[t] < T));
    const sums = registers(f32, [simd.lanes]);
    const whole = N - mod(N, simd.lanes);
    const b = block.x;
    for (let s = 0; s < K; s++) {
      for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
      let sum = f32(0);
      if (gates[b][s] !== f32(0)) {
        const p = position[b * K + s];
        for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
          for (let v = 0; v < simd.lanes; v++) sums[v] = fma(dy[b][n0 + v], parts[p][n0 + v], sums[v]);
        }
        for (let v = 0; v < simd.lanes; v++) sum += sums[v];
        for (let n = whole; n < N; n++) sum += dy[b][n] * parts[p][n];
      }
      dgates[b][s] = sum;
    }
  },
);
