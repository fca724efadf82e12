/**
 * Reference rules of the operations that normalise rows: layer-norm and softmax.
 *
 * Both bounds follow the evaluation step by step, with every sum in any order. The variance is the two-pass one: the
 * mean first, then the mean of squared deviations; an evaluation by E[x²] − E[x]² is outside the bound by intent.
 */

import { InternalError } from "../../support/result.ts";
import {
  at,
  type Bounded,
  type BoundedResult,
  boundAt,
  emptyResult,
  F32_MAX,
  FUNCTION_ULPS,
  gamma,
  relativeError,
  store,
  storeNaN,
  storeUnknown,
  UNDERFLOW,
  UNIT_ROUNDOFF,
  type Wildness,
  wildness,
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";

/** A mean is a sum of n terms and a division; of squares, one rounding more. Division counts 2u per ulp. */
function meanRoundings(terms: number): number {
  return terms + 2 * FUNCTION_ULPS.div;
}

/** The relative error of 1/√t, as a square root and a division. */
const INVERSE_ROOT_ERROR =
  (1 + relativeError(FUNCTION_ULPS.sqrt)) * (1 + relativeError(FUNCTION_ULPS.div)) - 1 + UNIT_ROUNDOFF;

/** x […, N], gamma [N], beta [N] → […, N]. `epsilon` is taken as the f32 that a kernel gets. */
export const evaluateLayerNorm: Rule<"layer-norm"> = (op, operands) => {
  const [x, gain, shift] = [operand(op, operands, 0), operand(op, operands, 1), operand(op, operands, 2)];
  const result = emptyResult(x.shape);
  const width = gain.values.length;
  const vectors = { gain, shift, kinds: Array.from({ length: width }, (_, n) => worse(gain, shift, n)) };
  for (let start = 0; start < x.values.length; start += width) {
    const kind = wildness(x, start, start + width);
    switch (kind) {
      case "finite":
        layerNormRow(result, start, x, vectors, Math.fround(op.epsilon));
        break;
      case "unknown":
        fillUnknown(result, start, width);
        break;
      case "nan":
      case "infinite":
        // An infinity makes the mean infinite, its own deviation NaN, and with it the variance.
        fillNaN(result, start, width);
        break;
      default:
        kind satisfies never;
        throw new InternalError(`unknown kind of row ${String(kind)}`);
    }
  }
  return result;
};

/** gamma and beta, and for each element what its pair of factors may make of a finite one. */
interface Affine {
  readonly gain: Bounded;
  readonly shift: Bounded;
  readonly kinds: readonly Wildness[];
}

function worse(gain: Bounded, shift: Bounded, n: number): Wildness {
  const kinds = [wildness(gain, n, n + 1), wildness(shift, n, n + 1)];
  return kinds.includes("nan") ? "nan" : (kinds.find((kind) => kind !== "finite") ?? "finite");
}

/**
 * With |x̂ᵢ − xᵢ| ≤ δᵢ, cᵢ = xᵢ − μ, v = mean(c²), t = v + ε, r = 1/√t and ŷᵢ = ĉᵢ·r̂·γᵢ + βᵢ:
 *   |μ̂ − μ| ≤ mean(δ) + γ_m·mean(|x| + δ)                     =: dμ
 *   |ĉᵢ − cᵢ| ≤ (δᵢ + dμ)(1 + u) + u|cᵢ|                       =: dcᵢ
 *   |v̂ − v| ≤ mean(2|cᵢ|·dcᵢ + dcᵢ²) + γ_m·mean((|cᵢ| + dcᵢ)²)  =: dv
 *   t̂ ≥ max(t − dt, ε), so that r̂ ≤ (1 + ρ)/√(that): 1/√ is convex, and its error is larger below t than above.
 * A product errs by at most Π(|a| + da) − Π|a|.
 */
function layerNormRow(result: BoundedResult, start: number, x: Bounded, vectors: Affine, epsilon: number): void {
  const { gain, shift, kinds } = vectors;
  const width = kinds.length;
  const growth = gamma(meanRoundings(width));
  let [sum, size, slack] = [0, 0, 0];
  for (let i = start; i < start + width; i++) {
    sum += at(x.values, i);
    size += Math.abs(at(x.values, i));
    slack += boundAt(x, i);
  }
  const mean = sum / width;
  const meanError = slack / width + (growth * (size + slack)) / width + UNDERFLOW * (width + 3);

  let [squares, squareSlack, squareSize] = [0, 0, 0];
  for (let i = start; i < start + width; i++) {
    const deviation = Math.abs(at(x.values, i) - mean);
    const error = deviationError(deviation, boundAt(x, i), meanError);
    squares += deviation * deviation;
    squareSlack += (2 * deviation + error) * error;
    squareSize += (deviation + error) ** 2;
  }
  const total = squares / width + epsilon;
  const varianceError = (squareSlack + growth * squareSize) / width + UNDERFLOW * (width + 3);
  const totalError = varianceError + UNIT_ROUNDOFF * (total + varianceError);
  if ((size + slack) * (1 + growth) > F32_MAX || squareSize * (1 + growth) > F32_MAX) {
    fillUnknown(result, start, width);
    return;
  }
  const inverse = 1 / Math.sqrt(total);
  const lowest = Math.max(total - totalError, epsilon * (1 - 2 * UNIT_ROUNDOFF));
  const inverseMost = (1 + INVERSE_ROOT_ERROR) / Math.sqrt(lowest);

  for (let n = 0; n < width; n++) {
    const i = start + n;
    const deviation = at(x.values, i) - mean;
    const value = deviation * inverse * at(gain.values, n) + at(shift.values, n);
    const distance = Math.abs(deviation);
    const scale = Math.abs(at(gain.values, n));
    const slope = inverseMost * (scale + boundAt(gain, n));
    if (kinds[n] === "nan") {
      storeNaN(result, i);
    } else if (kinds[n] !== "finite" || slope > F32_MAX) {
      storeUnknown(result, i, value);
    } else {
      const most = (distance + deviationError(distance, boundAt(x, i), meanError)) * slope;
      const product = most * (1 + UNIT_ROUNDOFF) ** 2 - distance * inverse * scale;
      const error = product + boundAt(shift, n);
      // What underflows before a multiplication is multiplied.
      const underflow = 2 * UNDERFLOW * (1 + inverseMost) * (1 + scale + boundAt(gain, n));
      store(result, i, value, error + UNIT_ROUNDOFF * (Math.abs(value) + error) + underflow);
    }
  }
}

function deviationError(deviation: number, inputError: number, meanError: number): number {
  return (inputError + meanError) * (1 + UNIT_ROUNDOFF) + UNIT_ROUNDOFF * deviation + UNDERFLOW;
}

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
 * error, which cancels. So êᵢ/eᵢ lies within 1 ± Rᵢ, Rᵢ = exp(aᵢ)(1 + ε_exp) − 1, the sum's relative error is at most
 * Q = Σ pⱼ·min(Rⱼ, 1) below and then γ_n, and p̂ᵢ ≤ pᵢ(1 + Rᵢ)(1 + ε_div)/((1 − Q)(1 − γ_n)); the error below pᵢ is
 * smaller. Where that says nothing, p and p̂ still lie between 0 and 1 but for the rounding of the division.
 */
function softmaxRow(result: BoundedResult, start: number, x: Bounded, width: number, maximum: number): void {
  const functionError = relativeError(FUNCTION_ULPS.exp) * (1 + relativeError(FUNCTION_ULPS.exp));
  // As one division, or as a product with the reciprocal.
  const divisionError = relativeError(FUNCTION_ULPS.div) + 2 * UNIT_ROUNDOFF;
  let [total, widest] = [0, 0];
  for (let i = start; i < start + width; i++) {
    total += Math.exp(at(x.values, i) - maximum);
    widest = Math.max(widest, boundAt(x, i));
  }
  const exponentError = (i: number): number => {
    const distance = maximum - at(x.values, i);
    return boundAt(x, i) + UNIT_ROUNDOFF * (distance + boundAt(x, i) + widest);
  };
  const relative = (a: number): number => Math.expm1(a) * (1 + functionError) + functionError;

  let sumError = 0;
  for (let i = start; i < start + width; i++) {
    const share = Math.exp(at(x.values, i) - maximum) / total;
    if (share > 0) sumError += share * Math.min(relative(exponentError(i)), 1);
  }
  const sumLeast = (1 - sumError) * (1 - gamma(width)) - (width * UNDERFLOW) / total;
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
    const most = usable ? (value * (1 + relative(a)) * (1 + divisionError)) / sumLeast : Number.POSITIVE_INFINITY;
    const trivial = Math.max(value, 1 + divisionError - value);
    const underflow = 2 * UNDERFLOW * (1 + 1 / total);
    store(result, i, value, Math.min(most - value + underflow, trivial));
  }
}

function fillNaN(result: BoundedResult, start: number, width: number): void {
  for (let i = start; i < start + width; i++) storeNaN(result, i);
}

function fillUnknown(result: BoundedResult, start: number, width: number): void {
  for (let i = start; i < start + width; i++) storeUnknown(result, i, Number.NaN);
}
