import { block, ceilDiv, f32, inout, input, kernel, requires, scalar, thread } from "tokitai/dsl";
import { adamwUpdate, movingAverage } from "./math.ts";

const ROWS = 4;
const COLUMNS = 64;

/**
 * One step of AdamW with decoupled weight decay, in place (Loshchilov and Hutter, 2019)
 *
 *   m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²      w ← w − η·((m/c₁)/(√(v/c₂) + ε) + decay·w)
 *
 * g is the gradient times `scale`, by which its norm is clipped. `rates` holds the learning rate η and the bias corrections
 * c₁ = 1 − β₁ᵗ and c₂ = 1 − β₂ᵗ of step t, counted from 1. A bias is a matrix of one row.
 */
export const adamw = kernel(
  {
    weight: inout(f32, ["R", "C"]),
    mean: inout(f32, ["R", "C"]),
    square: inout(f32, ["R", "C"]),
    gradient: input(f32, ["R", "C"]),
    scale: input(f32, [1]),
    rates: input(f32, [3]),
    beta1: scalar(f32),
    beta2: scalar(f32),
    epsilon: scalar(f32),
    decay: scalar(f32),
  },
  {
    computes: "adamw",
    grid: ({ R, C }) => [ceilDiv(R, ROWS), ceilDiv(C, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["weight", "mean", "square", "gradient"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ weight, mean, square, gradient, scale, rates, beta1, beta2, epsilon, decay }, { R, C }) => {
    requires(0.0 <= beta1 && beta1 < 1.0);
    requires(0.0 <= beta2 && beta2 < 1.0);
    requires(epsilon > 0.0);
    requires(decay >= 0.0);
    const r = block.x * ROWS + thread.y;
    const c = block.y * COLUMNS + thread.x;
    if (r >= R || c >= C) return;
    const g = gradient[r][c] * scale[0];
    const m = movingAverage(beta1, mean[r][c], g);
    const v = movingAverage(beta2, square[r][c], g * g);
    mean[r][c] = m;
    square[r][c] = v;
    weight[r][c] -= adamwUpdate(weight[r][c], m, v, rates[0], rates[1], rates[2], epsilon, decay);
  },
);
