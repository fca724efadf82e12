import { block, ceilDiv, f16, f32, inout, input, kernel, output, requires, scalar, thread } from "tokitai/dsl";
import { adamwUpdate, movingAverage } from "./math.ts";

const ROWS = 4;
const COLUMNS = 64;

/**
 * One step of AdamW on f32 masters of weights of f16, in place, and the nearest f16 of each new master
 *
 * The formulas are those of adamw. `scale` is the factor from gradients of the scaled loss to those of the step; where it is
 * 0, masters and moments stay, and the weights are those of the masters.
 */
export const adamw_master = kernel(
  {
    master: inout(f32, ["R", "C"]),
    mean: inout(f32, ["R", "C"]),
    square: inout(f32, ["R", "C"]),
    gradient: input(f32, ["R", "C"]),
    scale: input(f32, [1]),
    rates: input(f32, [3]),
    weight: output(f16, ["R", "C"]),
    beta1: scalar(f32),
    beta2: scalar(f32),
    epsilon: scalar(f32),
    decay: scalar(f32),
  },
  {
    computes: "adamw_master",
    grid: ({ R, C }) => [ceilDiv(R, ROWS), ceilDiv(C, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["master", "mean", "square", "gradient", "weight"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ master, mean, square, gradient, scale, rates, weight, beta1, beta2, epsilon, decay }, { R, C }) => {
    requires(0.0 <= beta1 && beta1 < 1.0);
    requires(0.0 <= beta2 && beta2 < 1.0);
    requires(epsilon > 0.0);
    requires(decay >= 0.0);
    const r = block.x * ROWS + thread.y;
    const c = block.y * COLUMNS + thread.x;
    if (r >= R || c >= C) return;
    let w = master[r][c];
    if (scale[0] !== 0.0) {
      const g = gradient[r][c] * scale[0];
      const m = movingAverage(beta1, mean[r][c], g);
      const v = movingAverage(beta2, square[r][c], g * g);
      mean[r][c] = m;
      square[r][c] = v;
      w -= adamwUpdate(w, m, v, rates[0], rates[1], rates[2], epsilon, decay);
      master[r][c] = w;
    }
    weight[r][c] = f16(w);
  },
);
