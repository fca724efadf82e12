import { block, ceilDiv, f32, fma, input, kernel, output, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * y = x·w for weights of shape [K, N], one thread per element.
 *
 * Broken: the weights are indexed as [N, K], as the other kernels keep them. In bounds for square layers, which is what
 * the first tests had; wrong values there, and an illegal access everywhere else.
 */
export const swapped_index_correct = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["K", "N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    if (b >= B || n >= N) return;
    let sum = f32(0);
    for (let k = 0; k < K; k++) sum = fma(x[b][k], w[k][n], sum);
    y[b][n] = sum;
  },
);

export const swapped_index_broken = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["K", "N"]), y: output(f32, ["B", "N"]) },
  { grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, y }, { B, K, N }) => {
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    if (b >= B || n >= N) return;
    let sum = f32(0);
    for (let k = 0; k < K; k++) sum = fma(x[b][k], w[n][k], sum);
    y[b][n] = sum;
  },
);
