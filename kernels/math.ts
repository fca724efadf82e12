import { erf, tanh } from "tokitai/dsl";

/** x·Φ(x) = x/2·(1 + erf(x/√2)) */
export const geluErf = (x: number) => 0.5 * x * (1.0 + erf(x * 0.7071067811865476));

/** The tanh approximation: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel, 2016) */
export const geluTanh = (x: number) => 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));

/** The lowest finite f32: where a maximum starts. */
export const LOWEST = -3.4028234663852886e38;
