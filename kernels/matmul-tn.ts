import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 16;

/** z[n,k] = Σ_b x[b,n]·y[b,k]: the gradient of a linear layer's weights, with x the gradient of its output, y its input */
export const matmul_tn = kernel(
  { x: input(f32, ["B", "N"]), y: input(f32, ["B", "K"]), z: output(f32, ["N", "K"]) },
  {
    computes: "matmul_tn",
    grid: ({ N, K }) => [ceilDiv(N, TILE), ceilDiv(K, TILE)],
    block: [TILE, TILE],
    performance: { segments: ["x", "y", "z"], conflictFree: ["xs", "ys"] },
    budget: { vgprs: 32, lds: 2048, scratch: 0 },
  },
  ({ x, y, z }, { B, N, K }) => {
    const xs = shared(f32, [TILE, TILE]);
    const ys = shared(f32, [TILE, TILE]);
    const n = block.x * TILE + thread.y;
    const k = block.y * TILE + thread.x;
    const column = block.x * TILE + thread.x;
    let acc = f32(0);
    for (let b0 = 0; b0 < B; b0 += TILE) {
      xs[thread.y][thread.x] = b0 + thread.y < B && column < N ? x[b0 + thread.y][column] : f32(0);
      ys[thread.y][thread.x] = b0 + thread.y < B && k < K ? y[b0 + thread.y][k] : f32(0);
      barrier();
      for (let b = 0; b < TILE; b++) acc += xs[b][thread.y] * ys[b][thread.x];
      barrier();
    }
    if (n < N && k < K) z[n][k] = acc;
  },
);
