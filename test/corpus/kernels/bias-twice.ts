import { block, ceilDiv, f32, fma, input, kernel, output, thread } from "tokitai/dsl";

const TILE = 16;

/**
 * A linear layer.
 *
 * Broken: the accumulator starts at the bias, and the bias is added at the end once more, as after two people have fused
 * it. A trained model absorbs a wrong bias during fine-tuning, so that only a comparison with the definition finds it.
 */
export const bias_once_correct = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  { computes: "linear", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, bias, y }, { B, K, N }) => {
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    if (b >= B || n >= N) return;
    let sum = bias[n];
    for (let k = 0; k < K; k++) sum = fma(x[b][k], w[n][k], sum);
    y[b][n] = sum;
  },
);

export const bias_once_broken = kernel(
  { x: input(f32, ["B", "K"]), w: input(f32, ["N", "K"]), bias: input(f32, ["N"]), y: output(f32, ["B", "N"]) },
  { computes: "linear", grid: ({ B, N }) => [ceilDiv(N, TILE), ceilDiv(B, TILE)], block: [TILE, TILE] },
  ({ x, w, bias, y }, { B, K, N }) => {
    const b = block.y * TILE + thread.y;
    const n = block.x * TILE + thread.x;
    if (b >= B || n >= N) return;
    let sum = bias[n];
    for (let k = 0; k < K; k++) sum = fma(x[b][k], w[n][k], sum);
    y[b][n] = sum + bias[n];
  },
);
