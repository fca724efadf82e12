import { barrier, block, ceilDiv, div, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * y = x·wᵀ, with K in tiles of 16.
 *
 * Broken: only whole tiles are summed. Every K of the benchmark is a multiple of 16; the router's 74 features are not, and
 * the last ten never count.
 */
export const last_k_correct = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "N"]) },
  { computes: "matmul", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const xs = shared(f32, [TILE, TILE]);
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    let sum = f32(0);
    for (let tile = 0; tile < ceilDiv(K, TILE); tile++) {
      const k0 = tile * TILE;
      xs[thread.y][thread.x] = b < B && k0 + thread.x < K ? x[b][k0 + thread.x] : f32(0);
      barrier();
      for (let j = 0; j < TILE; j++) {
        if (n < N && k0 + j < K) sum += xs[thread.y][j] * w[n][k0 + j];
      }
      barrier();
    }
    if (b < B && n < N) y[b][n] = sum;
  },
);

export const last_k_broken = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "N"]) },
  { computes: "matmul", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const xs = shared(f32, [TILE, TILE]);
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    let sum = f32(0);
    for (let tile = 0; tile < div(K, TILE); tile++) {
      const k0 = tile * TILE;
      xs[thread.y][thread.x] = b < B ? x[b][k0 + thread.x] : f32(0);
      barrier();
      for (let j = 0; j < TILE; j++) {
        if (n < N) sum += xs[thread.y][j] * w[n][k0 + j];
      }
      barrier();
    }
    if (b < B && n < N) y[b][n] = sum;
  },
);
