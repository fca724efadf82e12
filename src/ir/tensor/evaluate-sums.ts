/**
 * Reference rules of the operations that sum products: linear, bias-add, combine, row-squares, total.
 *
 * For ŝ = Σ âᵢ·b̂ᵢ evaluated in f32 in any order, with |âᵢ − aᵢ| ≤ αᵢ and |b̂ᵢ − bᵢ| ≤ βᵢ (Higham, section 3.1):
 *   |ŝ − s| ≤ γ_n·Σ (|aᵢ| + αᵢ)(|bᵢ| + βᵢ) + Σ (|aᵢ|·βᵢ + |bᵢ|·αᵢ + αᵢ·βᵢ) + underflow,
 * where n is the number of terms: one rounding of each product and at most n − 1 of its sums.
 */

import {
  at,
  type Bounded,
  type BoundedResult,
  boundAt,
  elementCount,
  emptyResult,
  F32_MAX,
  gamma,
  isNonNegative,
  norm,
  rowErrorOf,
  store,
  storeNaN,
  storeUnknown,
  UNDERFLOW,
  wildness,
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";
import { spectralNormBound } from "./spectral.ts";

/** A sum of products under way. */
interface ProductSum {
  value: number;
  /** Σ (|a| + α)(|b| + β): no partial sum of the f32 evaluation is larger but for its roundings. */
  magnitude: number;
  /** How far the errors of the factors move the sum. */
  spread: number;
  terms: number;
  nan: boolean;
  unknown: boolean;
}

const newSum = (): ProductSum => ({ value: 0, magnitude: 0, spread: 0, terms: 0, nan: false, unknown: false });

function addProduct(sum: ProductSum, a: number, alpha: number, b: number, beta: number): void {
  sum.terms++;
  if (Number.isFinite(a) && Number.isFinite(b) && Number.isFinite(alpha) && Number.isFinite(beta)) {
    const [sizeA, sizeB] = [Math.abs(a), Math.abs(b)];
    sum.value += a * b;
    sum.magnitude += (sizeA + alpha) * (sizeB + beta);
    sum.spread += sizeA * beta + sizeB * alpha + alpha * beta;
  } else if (isNaNForCertain(a, alpha) || isNaNForCertain(b, beta)) {
    sum.nan = true;
  } else {
    // An infinity times a factor that may be 0 or of either sign is anything.
    const vague = (size: number, error: number): boolean => error > 0 && !(Math.abs(size) > error);
    if (vague(a, alpha) || vague(b, beta)) sum.unknown = true;
    sum.value += a * b;
  }
}

function isNaNForCertain(value: number, bound: number): boolean {
  return Number.isNaN(value) && bound !== Number.POSITIVE_INFINITY;
}

function storeSum(result: BoundedResult, index: number, sum: ProductSum, roundings: number): void {
  const { value, magnitude, spread, terms } = sum;
  const growth = gamma(roundings);
  const overflows = magnitude * (1 + growth) > F32_MAX;
  if (sum.nan) storeNaN(result, index);
  else if (sum.unknown || overflows) storeUnknown(result, index, value);
  else if (Number.isNaN(value)) storeNaN(result, index);
  else if (!Number.isFinite(value)) result.values[index] = value;
  else store(result, index, value, growth * magnitude + spread + 2 * terms * UNDERFLOW);
}

/**
 * x [B, K], w [N, K], bias [N] → [B, N]. Rows of ordinary numbers under exact weights take a faster and sharper way:
 * with ‖α‖₂ ≤ A for the row's error, it moves yₙ by at most ‖wₙ‖₂·A, and the row y by at most ‖W‖₂·A in the 2-norm.
 */
export const evaluateLinear: Rule<"linear"> = (op, operands) => {
  const [x, w] = [operand(op, operands, 0), operand(op, operands, 1)];
  const bias = op.bias === undefined ? undefined : operand(op, operands, 2);
  const [rows = 0, features = 0] = x.shape;
  const [outputs = 0] = w.shape;
  const result = emptyResult([rows, outputs]);
  const rowError = new Float64Array(rows);
  const layer = isExact(w) && (bias === undefined || isExact(bias)) ? exactLayer(x, w, bias) : undefined;
  for (let b = 0; b < rows; b++) {
    const start = b * features;
    if (layer !== undefined && wildness(x, start, start + features) === "finite") {
      rowError[b] = linearRow(result, b, x, layer);
    } else {
      wildLinearRow(result, b, x, w, bias);
      rowError[b] = Number.POSITIVE_INFINITY;
    }
  }
  return { ...result, rowError };
};

/** Each product's rounding and up to K − 1 sums, and one more for the bias. */
function linearRoundings(features: number, bias: Bounded | undefined): number {
  return bias === undefined ? features : features + 1;
}

function isExact(tensor: Bounded): boolean {
  return tensor.bound === undefined && wildness(tensor, 0, tensor.values.length) === "finite";
}

/** A linear layer of exact, finite weights, with the norms by which it stretches errors. */
interface ExactLayer {
  readonly w: Float64Array;
  readonly bias: Float64Array;
  readonly growth: number;
  /** ‖wₙ‖₂ */
  readonly rowNorms: Float64Array;
  /** ‖W‖₂; not computed where the input is exact. */
  readonly norm: number;
}

function exactLayer(x: Bounded, w: Bounded, bias: Bounded | undefined): ExactLayer {
  const [outputs = 0, features = 0] = w.shape;
  return {
    w: w.values,
    bias: bias === undefined ? new Float64Array(outputs) : bias.values,
    growth: gamma(linearRoundings(features, bias)),
    rowNorms: Float64Array.from({ length: outputs }, (_, n) =>
      norm(w.values.subarray(n * features, (n + 1) * features)),
    ),
    norm: x.bound === undefined ? 0 : spectralNormBound(w.values, outputs, features),
  };
}

/** Returns a bound on the 2-norm of the row's error. */
function linearRow(result: BoundedResult, b: number, x: Bounded, layer: ExactLayer): number {
  const [, features = 0] = x.shape;
  const [, outputs = 0] = result.shape;
  const { w, bias, growth, rowNorms } = layer;
  const start = b * features;
  const row = x.values.subarray(start, start + features);
  const sizes = new Float64Array(features);
  for (let k = 0; k < features; k++) sizes[k] = Math.abs(at(row, k)) + boundAt(x, start + k);
  const inputError = rowErrorOf(x, b, features);
  let squares = 0;
  for (let n = 0; n < outputs; n++) {
    const offset = n * features;
    const shift = at(bias, n);
    let [value, magnitude] = [shift, Math.abs(shift)];
    for (let k = 0; k < features; k++) {
      const weight = at(w, offset + k);
      value += at(row, k) * weight;
      magnitude += at(sizes, k) * Math.abs(weight);
    }
    const own = growth * magnitude + 2 * (features + 1) * UNDERFLOW;
    const index = b * outputs + n;
    if (magnitude * (1 + growth) > F32_MAX) storeUnknown(result, index, value);
    else store(result, index, value, own + at(rowNorms, n) * inputError);
    squares += own * own;
  }
  return layer.norm * inputError + Math.sqrt(squares);
}

function wildLinearRow(result: BoundedResult, b: number, x: Bounded, w: Bounded, bias: Bounded | undefined): void {
  const [, features = 0] = x.shape;
  const [, outputs = 0] = result.shape;
  for (let n = 0; n < outputs; n++) {
    const sum = newSum();
    for (let k = 0; k < features; k++) {
      const [i, j] = [b * features + k, n * features + k];
      addProduct(sum, at(x.values, i), boundAt(x, i), at(w.values, j), boundAt(w, j));
    }
    if (bias !== undefined) addProduct(sum, at(bias.values, n), boundAt(bias, n), 1, 0);
    storeSum(result, b * outputs + n, sum, linearRoundings(features, bias));
  }
}

/** x […, N], bias [N] → […, N]: one rounding. */
export const evaluateBiasAdd: Rule<"bias-add"> = (op, operands) => {
  const [x, bias] = [operand(op, operands, 0), operand(op, operands, 1)];
  const result = emptyResult(x.shape);
  const width = bias.values.length;
  for (let i = 0; i < x.values.length; i++) {
    const sum = newSum();
    addProduct(sum, at(x.values, i), boundAt(x, i), 1, 0);
    addProduct(sum, at(bias.values, i % width), boundAt(bias, i % width), 1, 0);
    storeSum(result, i, sum, 1);
  }
  return bias.bound === undefined ? { ...result, rowError: shiftedRowErrors(x, result, width) } : result;
};

/** The input's row error, and the norm of what its elements' own bounds have grown by. */
function shiftedRowErrors(x: Bounded, result: BoundedResult, width: number): Float64Array {
  const grown = result.bound.map((bound, i) => bound - boundAt(x, i));
  return Float64Array.from({ length: width === 0 ? 0 : grown.length / width }, (_, row) => {
    const error = rowErrorOf(x, row, width) + norm(grown.subarray(row * width, (row + 1) * width));
    return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
  });
}

/**
 * weights [B, E], parts [E, B, N] → [B, N], over the nonzero weights in ascending order. Where a weight may be 0 in one
 * evaluation and not in the other, a part that is not finite leaves nothing to promise.
 */
export const evaluateCombine: Rule<"combine"> = (op, operands) => {
  const [weights, parts] = [operand(op, operands, 0), operand(op, operands, 1)];
  const [experts = 0, rows = 0, width = 0] = parts.shape;
  const result = emptyResult([rows, width]);
  for (let b = 0; b < rows; b++) {
    for (let n = 0; n < width; n++) {
      const sum = newSum();
      for (let e = 0; e < experts; e++) {
        const [i, j] = [b * experts + e, (e * rows + b) * width + n];
        const [weight, alpha] = [at(weights.values, i), boundAt(weights, i)];
        if (weight === 0 && alpha === 0) continue;
        const mayBeZero = Math.abs(weight) <= alpha;
        if (mayBeZero && wildness(parts, j, j + 1) !== "finite") sum.unknown = true;
        else addProduct(sum, weight, alpha, at(parts.values, j), boundAt(parts, j));
      }
      storeSum(result, b * width + n, sum, sum.terms);
    }
  }
  return result;
};

/** x [R, C] → [R]: each square's rounding and up to C − 1 sums. */
export const evaluateRowSquares: Rule<"row-squares"> = (op, operands) => {
  const x = operand(op, operands, 0);
  const width = x.shape.at(-1) ?? 0;
  const rows = elementCount(x.shape.slice(0, -1));
  const result = emptyResult([rows]);
  for (let r = 0; r < rows; r++) {
    const sum = newSum();
    for (let i = r * width; i < (r + 1) * width; i++) {
      addProduct(sum, at(x.values, i), boundAt(x, i), at(x.values, i), boundAt(x, i));
    }
    storeSum(result, r, sum, width);
  }
  return { ...result, nonNegative: true };
};

/** x [N] → [1]: up to N − 1 sums. */
export const evaluateTotal: Rule<"total"> = (op, operands) => {
  const x = operand(op, operands, 0);
  const result = emptyResult([1]);
  const sum = newSum();
  for (let n = 0; n < x.values.length; n++) addProduct(sum, at(x.values, n), boundAt(x, n), 1, 0);
  storeSum(result, 0, sum, x.values.length);
  return isNonNegative(x) ? { ...result, nonNegative: true } : result;
};
