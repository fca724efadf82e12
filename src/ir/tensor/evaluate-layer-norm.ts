/**
 * Reference rule of layer-norm.
 *
 * The bound follows the two-pass evaluation: the mean first, then the mean of squared deviations, each sum in any
 * order. An evaluation by E[x²] − E[x]² is outside it by intent.
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
  fillNaN,
  fillUnknown,
  gamma,
  relativeError,
  rowErrorOf,
  store,
  storeNaN,
  storeUnknown,
  UNDERFLOW,
  UNIT_ROUNDOFF,
  type Wildness,
  wildness,
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";

/** A mean of squares: the square, up to n − 1 sums, and a division, which counts 2 roundings per ulp. */
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
  const affine = affineOf(gain, shift);
  const rowError = new Float64Array(width === 0 ? 0 : x.values.length / width).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < rowError.length; row++) {
    const start = row * width;
    const kind = wildness(x, start, start + width);
    switch (kind) {
      case "finite":
        rowError[row] = layerNormRow(result, row, x, affine, Math.fround(op.epsilon));
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
  return { ...result, rowError };
};

/** gamma and beta; for each element what the pair may make of a finite one; and max (|gamma| + its error). */
interface Affine {
  readonly gain: Bounded;
  readonly shift: Bounded;
  readonly kinds: readonly Wildness[];
  readonly largestGain: number;
}

function affineOf(gain: Bounded, shift: Bounded): Affine {
  const kinds = Array.from({ length: gain.values.length }, (_, n): Wildness => {
    const pair = [wildness(gain, n, n + 1), wildness(shift, n, n + 1)];
    return pair.includes("nan") ? "nan" : (pair.find((kind) => kind !== "finite") ?? "finite");
  });
  const largestGain = gain.values.reduce((most, value, n) => Math.max(most, Math.abs(value) + boundAt(gain, n)), 0);
  return { gain, shift, kinds, largestGain };
}

/** What a row's deviations and variance may be in f32. */
interface Moments {
  readonly mean: number;
  /** 1/√t of the reference. */
  readonly inverse: number;
  /** ‖e‖₂ of the input's error, and its share in the mean, E/√n. */
  readonly inputError: number;
  readonly meanShift: number;
  /** The largest 1/√t for an exact evaluation of an input within its error. */
  readonly inverseMost: number;
  /** What the f32 evaluation adds to that. */
  readonly inverseError: number;
  /** The f32 mean's own error. */
  readonly meanError: number;
}

/**
 * With x̂ = x + e, ‖e‖₂ ≤ E, |eᵢ| ≤ δᵢ; c = x − μ, v = mean(c²), t = v + ε. On the way from x to x̂, |cᵢ| stays below
 * Cᵢ = |cᵢ| + δᵢ + E/√n and √t above that of max(‖c‖ − E, 0), since subtracting the mean stretches nothing. In f32 at x̂:
 *   |μ̂ − μ| ≤ γ_m·mean(|x| + δ) =: dμ,  |ĉᵢ − cᵢ| ≤ dμ(1 + u) + u·Cᵢ =: dcᵢ
 *   |v̂ − v| ≤ mean(2Cᵢ·dcᵢ + dcᵢ²) + γ_m·mean((Cᵢ + dcᵢ)²) =: dv
 *   r̂ ≤ (1 + ρ)/√max(t − dt, ε): 1/√ is convex, so that its error is larger below t than above, and largest at the least t.
 * `undefined` where a sum may overflow.
 */
function momentsOf(x: Bounded, row: number, width: number, epsilon: number): Moments | undefined {
  const [start, end] = [row * width, (row + 1) * width];
  const growth = gamma(meanRoundings(width));
  let [sum, size] = [0, 0];
  for (let i = start; i < end; i++) {
    sum += at(x.values, i);
    size += Math.abs(at(x.values, i)) + boundAt(x, i);
  }
  const mean = sum / width;
  const inputError = rowErrorOf(x, row, width);
  const meanShift = inputError / Math.sqrt(width);
  const meanError = (growth * size) / width + UNDERFLOW * (width + 3);
  let [squares, squareError, squareSize] = [0, 0, 0];
  for (let i = start; i < end; i++) {
    const deviation = Math.abs(at(x.values, i) - mean);
    const most = deviation + boundAt(x, i) + meanShift;
    const error = deviationError(most, meanError);
    squares += deviation * deviation;
    squareError += (2 * most + error) * error;
    squareSize += (most + error) ** 2;
  }
  if (!(size * (1 + growth) <= F32_MAX && squareSize * (1 + growth) <= F32_MAX)) return undefined;
  const length = Math.sqrt(squares);
  const least = Math.max(length - inputError, 0) ** 2 / width + epsilon;
  const most = (length + inputError) ** 2 / width + epsilon;
  const varianceError = (squareError + growth * squareSize) / width + UNDERFLOW * (width + 3);
  const totalError = varianceError + UNIT_ROUNDOFF * (most + varianceError);
  const computedLeast = Math.max(least - totalError, epsilon * (1 - 2 * UNIT_ROUNDOFF));
  const inverseMost = 1 / Math.sqrt(least);
  return {
    mean,
    inverse: 1 / Math.sqrt(squares / width + epsilon),
    inputError,
    meanShift,
    inverseMost,
    inverseError: (1 + INVERSE_ROOT_ERROR) / Math.sqrt(computedLeast) - inverseMost,
    meanError,
  };
}

function deviationError(deviation: number, meanError: number): number {
  return meanError * (1 + UNIT_ROUNDOFF) + UNIT_ROUNDOFF * deviation + UNDERFLOW;
}

/**
 * z = c·r has the Jacobian r(I − ccᵀ/(n·t)) on deviations, of spectral norm at most r. By the mean value theorem, with R
 * the largest r on the way, the input's error moves zᵢ by at most R(δᵢ + E/√n·(1 + Cᵢ·R)), and z by R·E in the 2-norm.
 * What f32 adds: |ĉr̂ − cr| ≤ (C + dc)(R + dr) − C·R, two roundings of ĉ·r̂·γ, and one of the sum with β.
 * Returns a bound on the 2-norm of the row's error.
 */
function layerNormRow(result: BoundedResult, row: number, x: Bounded, affine: Affine, epsilon: number): number {
  const { gain, shift, kinds, largestGain } = affine;
  const width = kinds.length;
  const moments = momentsOf(x, row, width, epsilon);
  if (moments === undefined) {
    fillUnknown(result, row * width, width);
    return Number.POSITIVE_INFINITY;
  }
  const { mean, inverse, inputError, meanShift, inverseMost, inverseError, meanError } = moments;
  let squares = 0;
  for (let n = 0; n < width; n++) {
    const i = row * width + n;
    const deviation = at(x.values, i) - mean;
    const value = deviation * inverse * at(gain.values, n) + at(shift.values, n);
    const [gainError, shiftError] = [boundAt(gain, n), boundAt(shift, n)];
    const scale = Math.abs(at(gain.values, n)) + gainError;
    if (kinds[n] === "nan") {
      storeNaN(result, i);
    } else if (kinds[n] !== "finite" || (inverseMost + inverseError) * scale > F32_MAX) {
      storeUnknown(result, i, value);
    } else {
      const most = Math.abs(deviation) + boundAt(x, i) + meanShift;
      const moved = inverseMost * (boundAt(x, i) + meanShift * (1 + most * inverseMost)) * scale;
      const computed = (most + deviationError(most, meanError)) * (inverseMost + inverseError);
      const evaluated = (computed - most * inverseMost + gamma(2) * computed) * scale;
      const parameters = Math.abs(deviation) * inverse * gainError + shiftError;
      // What underflows before a multiplication is multiplied.
      const underflow = 2 * UNDERFLOW * (1 + inverseMost + inverseError) * (1 + scale);
      const before = evaluated + parameters + underflow;
      const own = before + UNIT_ROUNDOFF * (Math.abs(value) + moved + before);
      store(result, i, value, moved + own);
      squares += own * own;
    }
  }
  // Rows with an element that is not finite are never asked for their norm.
  return largestGain * inverseMost * inputError + Math.sqrt(squares);
}
