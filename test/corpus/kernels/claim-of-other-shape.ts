import { block, ceilDiv, f32, input, kernel, output, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * A product with weights kept as [K, N], against an operation that is defined with [N, K].
 *
 * Broken: the kernel claims the operation all the same. A model that takes it at its word passes weights of the wrong
 * layout, which for square layers no shape check can see.
 */
export const claimed_shape_correct = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), y: output(f32, ["B", "N"]) },
  { computes: "matmul", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    if (b >= B || n >= N) return;
    let sum = f32(0);
    for (let k = 0; k < K; k++) sum += x[b][k] * w[n][k];
    y[b][n] = sum;
  },
);

export const claimed_shape_broken = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["K", "N"]), y: output(f32, ["B", "N"]) },
  { computes: "matmul", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    if (b >= B || n >= N) return;
    let sum = f32(0);
    for (let k = 0; k < K; k++) sum += x[b][k] * w[k][n];
    y[b][n] = sum;
  },
);
