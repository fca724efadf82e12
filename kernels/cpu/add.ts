import { block, covers, div, f32, input, kernel, mod, output, simd } from "tokitai/dsl";

/**
 * z = x + y, elementwise
 *
 * A block has a row. What is left of it by its vectors is done element by element.
 */
export const add = kernel(
  { x: input(f32, ["B", "N"]), y: input(f32, ["B", "N"]), z: output(f32, ["B", "N"]) },
  { computes: "add", simd: ["avx512", "avx2"], grid: ({ B }) => [B], block: [1] },
  ({ x, y, z }, { N }) => {
    covers(z, (b, n) => ({
      block: [b],
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const whole = N - mod(N, simd.lanes);
    const b = block.x;
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        z[b][n0 + v] = x[b][n0 + v] + y[b][n0 + v];
      }
    }
    for (let n = whole; n < N; n++) z[b][n] = x[b][n] + y[b][n];
  },
);
