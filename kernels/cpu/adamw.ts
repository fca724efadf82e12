import { block, f32, inout, input, kernel, mod, registers, requires, scalar, simd } from "tokitai/dsl";
import { adamwUpdate, movingAverage } from "../math.ts";

/**
 * One step of AdamW (Loshchilov and Hutter, 2019) on a weight, in place: the moments of gradient·scale, and with rates = (rate, 1 − β₁ᵗ,
 * 1 − β₂ᵗ) what they take off the weight
 *
 * A block has a row. What is left of it by its vectors is done element by element.
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
  { computes: "adamw", simd: ["avx512", "avx2"], grid: ({ R }) => [R], block: [1] },
  ({ weight, mean, square, gradient, scale, rates, beta1, beta2, epsilon, decay }, { C }) => {
    requires(0.0 <= beta1 && beta1 < 1.0);
    requires(0.0 <= beta2 && beta2 < 1.0);
    requires(epsilon > 0.0);
    requires(decay >= 0.0);
    const g = registers(f32, [simd.lanes]);
    const m = registers(f32, [simd.lanes]);
    const s = registers(f32, [simd.lanes]);
    const w = registers(f32, [simd.lanes]);
    const whole = C - mod(C, simd.lanes);
    const r = block.x;
    for (let c0 = 0; c0 < whole; c0 += simd.lanes) {
      for (let v = 0; v < simd.lanes; v++) {
        g[v] = gradient[r][c0 + v] * scale[0];
        m[v] = mean[r][c0 + v];
        s[v] = square[r][c0 + v];
        w[v] = weight[r][c0 + v];
      }
      for (let v = 0; v < simd.lanes; v++) {
        m[v] = movingAverage(beta1, m[v], g[v]);
        s[v] = movingAverage(beta2, s[v], g[v] * g[v]);
        mean[r][c0 + v] = m[v];
        square[r][c0 + v] = s[v];
        weight[r][c0 + v] = w[v] - adamwUpdate(w[v], m[v], s[v], rates[0], rates[1], rates[2], epsilon, decay);
      }
    }
    for (let c = whole; c < C; c++) {
      const gradient_c = gradient[r][c] * scale[0];
      const mean_c = movingAverage(beta1, mean[r][c], gradient_c);
      const square_c = movingAverage(beta2, square[r][c], gradient_c * gradient_c);
      mean[r][c] = mean_c;
      square[r][c] = square_c;
      weight[r][c] -= adamwUpdate(weight[r][c], mean_c, square_c, rates[0], rates[1], rates[2], epsilon, decay);
    }
  },
);
