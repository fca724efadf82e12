/**
 * Reference rule of softmax, with the row's maximum subtracted and the sum in any order.
 */

import {
  at,
  type Bounded,
  type BoundedResult,
  boundAt,
  emptyResult,
  FUNCTION_ULPS,
  fillNaN,
  fillUnknown,
  gamma,
  relativeError,
  store,
  UNDERFLOW,
  UNIT_ROUNDOFF,
  wildness,
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";

/** Below this, e^x is under half of the smallest subnormal f32 (2⁻¹⁵⁰ = e^−103.97…): expf returns 0. */
const EXP_ZERO_BELOW = -104;

/** x […, N] → […, N], with the row's maximum subtracted. */
export const evaluateSoftmax: Rule<"softmax"> = (op, operands) => {
  const x = operand(op, operands, 0);
  const result = emptyResult(x.shape);
  const width = x.shape.at(-1) ?? 0;
  for (let start = 0; start < x.values.length; start += width) {
    const row = x.values.subarray(start, start + width);
    const kind = wildness(x, start, start + width);
    const maximum = row.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
    if (kind === "unknown") fillUnknown(result, start, width);
    // +∞ − ∞ is NaN and reaches every quotient through the sum; so does a row of −∞. One −∞ among others is e^−∞ = 0.
    else if (kind === "nan" || !Number.isFinite(maximum)) fillNaN(result, start, width);
    else softmaxRow(result, start, x, width, maximum);
  }
  return result;
};

/**
 * Each exponent dᵢ = xᵢ − max errs by aᵢ = δᵢ + u(|dᵢ| + δᵢ + max δ), apart from the common shift by the maximum's own
 * error, which cancels. So êᵢ/eᵢ ≤ 1 + Rᵢ, Rᵢ = exp(aᵢ)(1 + ε) − 1, and ≥ exp(−aᵢ)(1 − ε), with ε for expf. The sum shrinks
 * by a share of at most Q⁻ = Σ pⱼ·min(Rⱼ, 1), grows by at most Q⁺ = Σ pⱼ·Rⱼ, and is rounded by γ_n:
 *   p̂ᵢ ≤ pᵢ(1 + Rᵢ)(1 + ε_div)/((1 − Q⁻)(1 − γ_n)),  p̂ᵢ ≥ pᵢ·exp(−aᵢ)(1 − ε)(1 − ε_div)/((1 + Q⁺)(1 + γ_n)).
 * Where that says nothing, p and p̂ still lie between 0 and 1 but for the rounding of the division.
 */
function softmaxRow(result: BoundedResult, start: number, x: Bounded, width: number, maximum: number): void {
  let [total, widest] = [0, 0];
  for (let i = start; i < start + width; i++) {
    total += Math.exp(at(x.values, i) - maximum);
    widest = Math.max(widest, boundAt(x, i));
  }
  const exponentError = (i: number): number => {
    const distance = maximum - at(x.values, i);
    return boundAt(x, i) + UNIT_ROUNDOFF * (distance + boundAt(x, i) + widest);
  };
  let [shrinks, grows] = [0, 0];
  for (let i = start; i < start + width; i++) {
    const distance = at(x.values, i) - maximum;
    if (distance === Number.NEGATIVE_INFINITY) continue;
    const share = Math.exp(distance) / total;
    const a = exponentError(i);
    shrinks += share * Math.min(relative(a), 1);
    // For a large error the product of a vanishing share and a huge factor, as one power.
    grows += a < 1 ? share * relative(a) : (Math.exp(distance + a) * (1 + FUNCTION_ERROR)) / total;
  }
  const rounding = gamma(width);
  const underflow = 2 * UNDERFLOW * (width + 1) * (1 + 1 / total);
  const sumLeast = (1 - shrinks) * (1 - rounding) - underflow;
  const sumMost = (1 + grows) * (1 + rounding) + underflow;
  for (let i = start; i < start + width; i++) {
    const distance = at(x.values, i) - maximum;
    const value = Math.exp(distance) / total;
    const a = exponentError(i);
    if (distance === Number.NEGATIVE_INFINITY || distance + a + widest < EXP_ZERO_BELOW) {
      // The f32 exponential is 0, and so is the quotient: the error is the value itself.
      store(result, i, value, value);
      continue;
    }
    const usable = sumLeast > 0 && a < -EXP_ZERO_BELOW;
    const most = usable ? (value * (1 + relative(a)) * (1 + DIVISION_ERROR)) / sumLeast : Number.POSITIVE_INFINITY;
    const least = (value * Math.exp(-a) * (1 - FUNCTION_ERROR) * (1 - DIVISION_ERROR)) / sumMost;
    const above = Math.min(most - value + underflow, 1 + DIVISION_ERROR - value);
    store(result, i, value, Math.max(above, Math.min(value - least + underflow, value)));
  }
}

const FUNCTION_ERROR = relativeError(FUNCTION_ULPS.exp);

/** As one division, or as a product with the reciprocal. */
const DIVISION_ERROR = relativeError(FUNCTION_ULPS.div) + 2 * UNIT_ROUNDOFF;

/** R for an exponent error. */
function relative(a: number): number {
  return Math.expm1(a) * (1 + FUNCTION_ERROR) + FUNCTION_ERROR;
}
