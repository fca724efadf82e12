import { block, covers, div, f32, input, kernel, mod, output, registers, simd } from "tokitai/dsl";
import { activate, OF_ERF, OF_TANH } from "../activation.ts";

/**
 * The GELU of each element
 *
 * A block has a row. What is left of it by its vectors is done element by element.
 */
const geluOf = (GELU: number) =>
  kernel(
    { x: input(f32, ["B", "N"]), y: output(f32, ["B", "N"]) },
    { computes: GELU === OF_ERF ? "gelu" : "gelu_tanh", simd: ["avx512", "avx2"], grid: ({ B }) => [B], block: [1] },
    ({ x, y }, { N }) => {
      covers(y, (b, n) => ({
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
          row[v] = x[b][n0 + v];
          y[b][n0 + v] = activate(row[v], GELU);
        }
      }
      for (let n = whole; n < N; n++) y[b][n] = activate(x[b][n], GELU);
    },
  );

/** y = x·Φ(x), elementwise */
export const gelu = geluOf(OF_ERF);
/** The tanh approximation of GELU, elementwise */
export const gelu_tanh = geluOf(OF_TANH);
