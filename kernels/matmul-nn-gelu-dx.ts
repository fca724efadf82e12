import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";
import { OF_ERF, OF_TANH, slope, slopeArgument } from "./activation.ts";

const TILE = 16;

/**
 * dz[b,k] = Σₙ x[b,n]·w[n,k] times the slope of the GELU at z[b,k]: the gradient of what the GELU before a linear layer was
 * given, with x the gradient of that layer's output
 */
const matmulNnGeluDx = (GELU: number) =>
  kernel(
    {
      x: input(f32, ["B", "N"]),
      w: input(f32, ["N", "K"]),
      z: input(f32, ["B", "K"]),
      dz: output(f32, ["B", "K"]),
    },
    {
      computes: GELU === OF_ERF ? "matmul_nn_gelu_dx" : "matmul_nn_gelu_tanh_dx",
      grid: ({ B, K }) => [ceilDiv(B, TILE), ceilDiv(K, TILE)],
      block: [TILE, TILE],
      performance: { segments: ["x", "w", "z", "dz"], conflictFree: ["xs", "ws"] },
      budget: { vgprs: 40, lds: 2048, scratch: 0 },
    },
    ({ x, w, z, dz }, { B, N, K }) => {
      const xs = shared(f32, [TILE, TILE]);
      const ws = shared(f32, [TILE, TILE]);
      const b = block.x * TILE + thread.y;
      const k = block.y * TILE + thread.x;
      let acc = f32(0);
      for (let n0 = 0; n0 < N; n0 += TILE) {
        xs[thread.y][thread.x] = b < B && n0 + thread.x < N ? x[b][n0 + thread.x] : f32(0);
        ws[thread.y][thread.x] = n0 + thread.y < N && k < K ? w[n0 + thread.y][k] : f32(0);
        barrier();
        for (let n = 0; n < TILE; n++) acc += xs[thread.y][n] * ws[n][thread.x];
        barrier();
      }
      if (b < B && k < K) dz[b][k] = acc * slope(z[b][k], slopeArgument(z[b][k], GELU), GELU);
    },
  );

/** dz[b,k] = Σₙ x[b,n]·w[n,k] times the slope of the GELU of erf at z[b,k] */
export const matmul_nn_gelu_dx = matmulNnGeluDx(OF_ERF);
/** dz[b,k] = Σₙ x[b,n]·w[n,k] times the slope of the GELU of tanh at z[b,k] */
export const matmul_nn_gelu_tanh_dx = matmulNnGeluDx(OF_TANH);
