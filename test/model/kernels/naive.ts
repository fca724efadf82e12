import { block, ceilDiv, f32, fma, input, kernel, output, thread } from "tokitai/dsl";

const TILE = 16;

/** y[b,k] = Σₙ x[b,n]·w[n,k]: a thread per element, all of it from memory */
export const naive = kernel(
  { x: input(f32, ["B", "N"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "K"]) },
  { computes: "matmul_nn", grid: ({ B, K }) => [ceilDiv(B, TILE), ceilDiv(K, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, N, K }) => {
    const b = block.x * TILE + thread.y;
    const k = block.y * TILE + thread.x;
    if (b >= B || k >= K) return;
    let acc = f32(0);
    for (let n = 0; n < N; n++) acc = fma(x[b][n], w[n][k], acc);
    y[b][k] = acc;
  },
);
