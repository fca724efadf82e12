import { block, ceilDiv, covers, div, f32, input, kernel, mod, output, simd } from "tokitai/dsl";
import { PANEL } from "../panel.ts";

/**
 * y[e,p,k,c] = w[e,PANEL·p+c,k] where there is such a row, else 0: weights as packed products read them
 *
 * A block has a panel, of which it turns as many rows at a time as a vector has lanes. What is left is done element by element.
 */
export const pack_panels = kernel(
  { w: input(f32, ["E", "N", "K"]), y: output(f32, ["E", "P", "K", PANEL]) },
  {
    computes: "pack_panels",
    where: { P: ({ N }) => ceilDiv(N, PANEL) },
    simd: ["avx512", "avx2"],
    grid: ({ E, P }) => [P, E],
    block: [1],
  },
  ({ w, y }, { N, K }) => {
    covers(y, (e, p, k, c) => ({
      block: [p, e],
      c: simd.lanes * div(c, simd.lanes),
      u: mod(c, simd.lanes),
      k0: simd.lanes * div(k, simd.lanes),
      v: mod(k, simd.lanes),
      k,
    }));
    const e = block.y;
    const p = block.x;
    const whole = K - mod(K, simd.lanes);
    for (let c = 0; c < PANEL; c += simd.lanes) {
      if (PANEL * p + c + simd.lanes <= N) {
        for (let k0 = 0; k0 < whole; k0 += simd.lanes) {
          for (let u = 0; u < simd.lanes; u++) {
            for (let v = 0; v < simd.lanes; v++) y[e][p][k0 + v][c + u] = w[e][PANEL * p + c + u][k0 + v];
          }
        }
        for (let u = 0; u < simd.lanes; u++) {
          for (let k = whole; k < K; k++) y[e][p][k][c + u] = w[e][PANEL * p + c + u][k];
        }
      } else {
        for (let u = 0; u < simd.lanes; u++) {
          for (let k = 0; k < K; k++) y[e][p][k][c + u] = PANEL * p + c + u < N ? w[e][PANEL * p + c + u][k] : f32(0);
        }
      }
    }
  },
);
