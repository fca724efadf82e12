import { erf, exp, tanh } from "tokitai/dsl";

/** x·Φ(x) = x/2·(1 + erf(x/√2)) */
export const geluErf = (x: number) => 0.5 * x * (1.0 + erf(x * 0.7071067811865476));

/** The tanh approximation: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel, 2016) */
export const geluTanh = (x: number) => 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));

/** The lowest finite f32: where a maximum starts. */
export const LOWEST = -3.4028234663852886e38;

/** d/dx of geluErf: 1/2·(1 + erf(z)) + z·exp(−z²)/√π with z = x/√2 */
export const geluErfSlope = (x: number) =>
  0.5 * (1.0 + erf(x * 0.7071067811865476)) +
  x * 0.7071067811865476 * (0.5641895835477563 * exp(0.0 - x * 0.7071067811865476 * (x * 0.7071067811865476)));

/** √(2/π)·(x + 0.044715·x³), as in geluTanh */
const tanhArgument = (x: number) => 0.7978845608028654 * (x + 0.044715 * x * x * x);

/** d/dx of geluTanh: 1/2·(1 + t) + x/2·(1 − t²)·√(2/π)·(1 + 3·0.044715·x²) with t = tanh(√(2/π)·(x + 0.044715·x³)) */
export const geluTanhSlope = (x: number) =>
  0.5 * (1.0 + tanh(tanhArgument(x))) +
  0.5 *
    x *
    (1.0 - tanh(tanhArgument(x)) * tanh(tanhArgument(x))) *
    (0.7978845608028654 * (1.0 + 3.0 * (0.044715 * (x * x))));
