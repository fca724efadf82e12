import { erf, exp, sqrt, tanh } from "tokitai/dsl";

/** x·Φ(x) = x/2·(1 + erf(x/√2)) */
export const geluErf = (x: number) => 0.5 * x * (1.0 + erf(x * 0.7071067811865476));

/** √(2/π)·(x + 0.044715·x³): what the approximation takes tanh of */
export const tanhArgument = (x: number) => 0.7978845608028654 * (x + 0.044715 * x * x * x);

/** The tanh approximation: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel, 2016) */
export const geluTanh = (x: number) => 0.5 * x * (1.0 + tanh(tanhArgument(x)));

/** The slope of geluErf at x, from z = x/√2: 1/2·(1 + erf(z)) + z·exp(−z²)/√π */
export const geluErfSlope = (z: number) => 0.5 * (1.0 + erf(z)) + z * (0.5641895835477563 * exp(0.0 - z * z));

/** The slope of geluTanh at x, from t = tanh(tanhArgument(x)): 1/2·(1 + t) + x/2·(1 − t²)·√(2/π)·(1 + 3·0.044715·x²) */
export const geluTanhSlope = (x: number, t: number) =>
  0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * (0.7978845608028654 * (1.0 + 3.0 * (0.044715 * (x * x))));

/** The moments of AdamW: beta·before + (1 − beta)·value */
export const movingAverage = (beta: number, before: number, value: number) => beta * before + (1.0 - beta) * value;

/** What AdamW takes off a weight w of moments m and v: rate·((m/c₁)/(√(v/c₂) + epsilon) + decay·w), rates = (rate, c₁, c₂) */
export const adamwUpdate = (
  w: number,
  m: number,
  v: number,
  rate: number,
  c1: number,
  c2: number,
  epsilon: number,
  decay: number,
) => rate * (m / c1 / (sqrt(v / c2) + epsilon) + decay * w);

/** The lowest finite f32: where a maximum starts. */
export const LOWEST = -3.4028234663852886e38;
