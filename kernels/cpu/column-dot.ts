import { block, ceilDiv, covers, div, f32, fma, input, kernel, mod, output, registers, simd } from "tokitai/dsl";

/** z[n] = Σ_b x[b,n]·y[b,n]; a block has as many columns as a vector has lanes, and walks down the rows */
export const column_dot = kernel(
  { x: input(f32, ["B", "N"]), y: input(f32, ["B", "N"]), z: output(f32, ["N"]) },
  { computes: "column_dot", simd: ["avx512", "avx2"], grid: ({ N }) => [ceilDiv(N, simd.lanes)], block: [1] },
  ({ x, y, z }, { B, N }) => {
    covers(z, (n) => ({ block: [div(n, simd.lanes)], v: mod(n, simd.lanes), n }));
    const sums = registers(f32, [simd.lanes]);
    const n0 = block.x * simd.lanes;
    if (n0 + simd.lanes <= N) {
      for (let v = 0; v < simd.lanes; v++) sums[v] = 0.0;
      for (let b = 0; b < B; b++) {
        for (let v = 0; v < simd.lanes; v++) sums[v] = fma(x[b][n0 + v], y[b][n0 + v], sums[v]);
      }
      for (let v = 0; v < simd.lanes; v++) z[n0 + v] = sums[v];
    } else {
      for (let n = n0; n < N; n++) {
        let sum = f32(0);
        for (let b = 0; b < B; b++) sum += x[b][n] * y[b][n];
        z[n] = sum;
      }
    }
  },
);
