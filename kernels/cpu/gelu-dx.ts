import { block, covers, div, f32, input, kernel, mod, output, registers, simd } from "tokitai/dsl";
import { OF_ERF, OF_TANH, slope, slopeArgument } from "../activation.ts";

/**
 * dx = dy times the slope of the GELU at x, elementwise
 *
 * A block has a row. What is left of it by its vectors is done element by element.
 */
const geluDxOf = (GELU: number) =>
  kernel(
    { x: input(f32, ["B", "N"]), dy: input(f32, ["B", "N"]), dx: output(f32, ["B", "N"]) },
    {
      computes: GELU === OF_ERF ? "gelu_dx" : "gelu_tanh_dx",
      simd: ["avx512", "avx2"],
      grid: ({ B }) => [B],
      block: [1],
    },
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
          row[v] = slopeArgument(x[b][n0 + v], GELU);
          dx[b][n0 + v] = dy[b][n0 + v] * slope(x[b][n0 + v], row[v], GELU);
        }
      }
      for (let n = whole; n < N; n++) dx[b][n] = dy[b][n] * slope(x[b][n], slopeArgument(x[b][n], GELU), GELU);
    },
  );

/** dx = dy·(Φ(x) + x·φ(x)), elementwise */
export const gelu_dx = geluDxOf(OF_ERF);
/** dx = dy times the slope of the tanh approximation of GELU, elementwise */
export const gelu_tanh_dx = geluDxOf(OF_TANH);
