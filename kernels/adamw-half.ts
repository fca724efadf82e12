import {
  block,
  ceilDiv,
  f16,
  f32,
  i32,
  inout,
  input,
  kernel,
  randomBits,
  requires,
  scalar,
  stochasticRound,
  thread,
} from "tokitai/dsl";
import { adamwUpdate, movingAverage } from "./math.ts";

const ROWS = 4;
const COLUMNS = 64;

/**
 * One step of AdamW on weights of f16 with moments of f32, in place
 *
 * The formulas are those of adamw. The new weight is rounded by chance to one of the two f16 around it, with the better
 * chance for the nearer one, so that updates which are small beside the distance of two f16 arrive on average (Gupta et
 * al., "Deep Learning with Limited Numerical Precision", 2015, section 3). The integer that decides is a function of
 * (seed, step) = `random`, of `stream`, which tells tensors apart, and of the element. `scale` is the factor from gradients
 * of the scaled loss to those of the step; where it is 0, nothing changes.
 */
export const adamw_half = kernel(
  {
    weight: inout(f16, ["R", "C"]),
    mean: inout(f32, ["R", "C"]),
    square: inout(f32, ["R", "C"]),
    gradient: input(f32, ["R", "C"]),
    scale: input(f32, [1]),
    rates: input(f32, [3]),
    random: input(i32, [2]),
    beta1: scalar(f32),
    beta2: scalar(f32),
    epsilon: scalar(f32),
    decay: scalar(f32),
    stream: scalar(i32),
  },
  {
    computes: "adamw_half",
    grid: ({ R, C }) => [ceilDiv(R, ROWS), ceilDiv(C, COLUMNS)],
    block: [COLUMNS, ROWS],
    performance: { coalesced: ["weight", "mean", "square", "gradient"] },
    budget: { vgprs: 24, lds: 0, scratch: 0 },
  },
  ({ weight, mean, square, gradient, scale, rates, random, beta1, beta2, epsilon, decay, stream }, { R, C }) => {
    requires(0.0 <= beta1 && beta1 < 1.0);
    requires(0.0 <= beta2 && beta2 < 1.0);
    requires(epsilon > 0.0);
    requires(decay >= 0.0);
    const r = block.x * ROWS + thread.y;
    const c = block.y * COLUMNS + thread.x;
    if (r >= R || c >= C || scale[0] === 0.0) return;
    const g = gradient[r][c] * scale[0];
    const m = movingAverage(beta1, mean[r][c], g);
    const v = movingAverage(beta2, square[r][c], g * g);
    mean[r][c] = m;
    square[r][c] = v;
    const w = weight[r][c] - adamwUpdate(weight[r][c], m, v, rates[0], rates[1], rates[2], epsilon, decay);
    weight[r][c] = stochasticRound(f16, w, randomBits(random[0], stream, random[1], r * C + c));
  },
);
