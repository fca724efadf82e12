import { block, covers, div, f32, input, kernel, mod, output, registers, simd } from "tokitai/dsl";
import { geluErfSlope } from "../math.ts";

/**
 * dx = dy·(Φ(x) + x·φ(x)), elementwise
 *
 * A block has a row. What is left of it by its vectors is done element by element.
 */
export const gelu_dx = kernel(
  { x: input(f32, ["B", "N"]), dy: input(f32, ["B", "N"]), dx: output(f32, ["B", "N"]) },
  { computes: "gelu_dx", simd: ["avx512", "avx2"], grid: ({ B }) => [B], block: [1] },
  ({ x, dy, dx }, { N }) => {
    covers(dx, (b, n) => ({
      block: [b],
      n0: simd.lanes * div(n, simd.lanes),
      v: mod(n, simd.lanes),
      n,
    }));
    const row = registers(f32, [simd.lanes]);
    const whole = N - mod(N, simd.lanes);
    const b = block.x;
    for (let n0 = 0; n0 < whole; n0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        row[v] = x[b][n0 + v] * 0.7071067811865476;
        dx[b][n0 + v] = dy[b][n0 + v] * geluErfSlope(row[v]);
      }
    }
    for (let n = whole; n < N; n++) dx[b][n] = dy[b][n] * geluErfSlope(x[b][n] * 0.7071067811865476);
  },
);
