import { barrier, block, ceilDiv, f32, input, kernel, output, shared, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * y = x·wᵀ by tiles in shared memory.
 *
 * Broken: no barrier at the end of a round. A wave that is ahead loads its part of the next tiles while others still
 * multiply the present ones: wrong sums for large K, where waves have time to drift apart, and never for K ≤ 16.
 */
export const tile_reuse_correct = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "N"]) },
  { computes: "matmul", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const xs = shared(f32, [TILE, TILE]);
    const ws = shared(f32, [TILE, TILE + 1]);
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    const row = block.x * TILE + thread.y;
    let sum = f32(0);
    for (let k0 = 0; k0 < K; k0 += TILE) {
      const k = k0 + thread.x;
      xs[thread.y][thread.x] = b < B && k < K ? x[b][k] : f32(0);
      ws[thread.y][thread.x] = row < N && k < K ? w[row][k] : f32(0);
      barrier();
      for (let j = 0; j < TILE; j++) sum += xs[thread.y][j] * ws[thread.x][j];
      barrier();
    }
    if (b < B && n < N) y[b][n] = sum;
  },
);

export const tile_reuse_broken = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "N"]) },
  { computes: "matmul", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const xs = shared(f32, [TILE, TILE]);
    const ws = shared(f32, [TILE, TILE + 1]);
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    const row = block.x * TILE + thread.y;
    let sum = f32(0);
    for (let k0 = 0; k0 < K; k0 += TILE) {
      const k = k0 + thread.x;
      xs[thread.y][thread.x] = b < B && k < K ? x[b][k] : f32(0);
      ws[thread.y][thread.x] = row < N && k < K ? w[row][k] : f32(0);
      barrier();
      for (let j = 0; j < TILE; j++) sum += xs[thread.y][j] * ws[thread.x][j];
    }
    if (b < B && n < N) y[b][n] = sum;
  },
);
