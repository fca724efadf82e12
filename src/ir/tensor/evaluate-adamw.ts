/**
 * Reference rules of AdamW's three operations, the moments and the weight, of the factor that clips gradients, and of the
 * scale of the loss.
 *
 * Bounds are of the running kind (Higham, section 3.3): every operation takes numbers with the errors they have so far and
 * gives one with its own, in the order in which the formulas of `OpFields` are written. With |â − a| ≤ α and |b̂ − b| ≤ β:
 *   |âb̂ − ab| ≤ |a|β + |b|α + αβ,  |â/b̂ − a/b| ≤ (|b|α + |a|β)/(|b|(|b| − β)),  |√â − √a| ≤ min(√α, α/√a) for a, â ≥ 0,
 * and then one rounding of what f32 has computed, which is at most that larger than the exact result.
 */

import { BOUNDED, type BoundedNumber, rounded } from "./bounded-number.ts";
import {
  at,
  type Bounded,
  type BoundedResult,
  boundAt,
  emptyResult,
  F32_MAX,
  FUNCTION_ULPS,
  isNonNegative,
  relativeError,
  store,
  storeNaN,
  storeUnknown,
  wildness,
} from "./error-model.ts";
import { LARGEST_LOSS_SCALE, SMALLEST_LOSS_SCALE } from "./precision-ops.ts";
import { operand, type Rule } from "./rule.ts";

const { add, subtract, multiply, divide } = BOUNDED;

const exact = (value: number): BoundedNumber => ({ value, error: 0 });

/** Of a number that is at least 0 in both evaluations. */
function squareRoot({ value, error }: BoundedNumber): BoundedNumber {
  const root = Math.sqrt(value);
  const moved = error === 0 ? 0 : Math.min(Math.sqrt(error), error / root);
  return rounded(root, moved, relativeError(FUNCTION_ULPS.sqrt));
}

function element(tensor: Bounded, index: number): BoundedNumber {
  return { value: at(tensor.values, index), error: boundAt(tensor, index) };
}

/** NaN comes out of every operation that it goes into; of infinities nothing is promised. */
function storeElement(
  result: BoundedResult,
  index: number,
  operands: readonly (readonly [tensor: Bounded, index: number])[],
  compute: () => BoundedNumber,
): void {
  const kinds = operands.map(([tensor, i]) => wildness(tensor, i, i + 1));
  if (kinds.includes("nan")) {
    storeNaN(result, index);
    return;
  }
  const { value, error } = compute();
  if (kinds.every((kind) => kind === "finite") && Number.isFinite(error)) store(result, index, value, error);
  else storeUnknown(result, index, value);
}

/** beta·before + (1 − beta)·value, `beta` being taken as the f32 that a kernel gets. */
function movingAverage(beta: number, before: BoundedNumber, value: BoundedNumber): BoundedNumber {
  const kept = exact(Math.fround(beta));
  return add(multiply(kept, before), multiply(subtract(exact(1), kept), value));
}

/** mean [R, C], gradient [R, C], scale [1] → [R, C]. */
export const evaluateAdamwMean: Rule<"adamw-mean"> = (op, operands) => {
  const [mean, gradient, scale] = [operand(op, operands, 0), operand(op, operands, 1), operand(op, operands, 2)];
  const result = emptyResult(mean.shape);
  for (let i = 0; i < result.values.length; i++) {
    storeElement(
      result,
      i,
      [
        [mean, i],
        [gradient, i],
        [scale, 0],
      ],
      () => movingAverage(op.beta1, element(mean, i), multiply(element(gradient, i), element(scale, 0))),
    );
  }
  return result;
};

/** square [R, C], gradient [R, C], scale [1] → [R, C]. From a moment that is nowhere negative comes one that is not either. */
export const evaluateAdamwSquare: Rule<"adamw-square"> = (op, operands) => {
  const [square, gradient, scale] = [operand(op, operands, 0), operand(op, operands, 1), operand(op, operands, 2)];
  const result = emptyResult(square.shape);
  for (let i = 0; i < result.values.length; i++) {
    storeElement(
      result,
      i,
      [
        [square, i],
        [gradient, i],
        [scale, 0],
      ],
      () => {
        const g = multiply(element(gradient, i), element(scale, 0));
        return movingAverage(op.beta2, element(square, i), multiply(g, g));
      },
    );
  }
  return isNonNegative(square) ? { ...result, nonNegative: true } : result;
};

/**
 * weight, mean, square [R, C], rates [3] → [R, C]. Nothing is promised where a moment may be negative in f32, a correction
 * is not clearly above 0, or the denominator is not.
 */
export const evaluateAdamwWeight: Rule<"adamw-weight"> = (op, operands) => {
  const [weight, mean] = [operand(op, operands, 0), operand(op, operands, 1)];
  const [square, rates] = [operand(op, operands, 2), operand(op, operands, 3)];
  const [rate, first, second] = [element(rates, 0), element(rates, 1), element(rates, 2)];
  const [epsilon, decay] = [exact(Math.fround(op.epsilon)), exact(Math.fround(op.decay))];
  const rootsExist = isNonNegative(square) && second.value > second.error;
  const result = emptyResult(weight.shape);
  for (let i = 0; i < result.values.length; i++) {
    const inputs = [weight, mean, square].map((tensor) => [tensor, i] as const);
    storeElement(result, i, [...inputs, [rates, 0], [rates, 1], [rates, 2]], () => {
      const deviation = squareRoot(divide(element(square, i), second));
      const direction = divide(divide(element(mean, i), first), add(deviation, epsilon));
      const step = add(direction, multiply(decay, element(weight, i)));
      const { value, error } = subtract(element(weight, i), multiply(rate, step));
      return { value, error: rootsExist ? error : Number.POSITIVE_INFINITY };
    });
  }
  return result;
};

/**
 * squares [1] → [1]. Where f32 may find the norm on the other side of `maxNorm`, its result is 1 or the quotient, and the
 * bound holds for both; NaN is no larger than anything, so that it gives 1.
 */
export const evaluateClipScale: Rule<"clip-scale"> = (op, operands) => {
  const squares = operand(op, operands, 0);
  const result = emptyResult([1]);
  const most = Math.fround(op.maxNorm);
  const kind = wildness(squares, 0, 1);
  const root = Math.sqrt(at(squares.values, 0));
  const value = root > most ? most / root : 1;
  if (kind === "nan") {
    result.values[0] = 1;
  } else if (kind === "unknown" || !isNonNegative(squares)) {
    storeUnknown(result, 0, value);
  } else if (kind === "infinite") {
    result.values[0] = value;
  } else {
    const norm = squareRoot(element(squares, 0));
    if (norm.value + norm.error <= most) {
      result.values[0] = 1;
    } else {
      const quotient = divide(exact(most), norm);
      const other = norm.value - norm.error > most ? 0 : Math.abs(1 - value);
      store(result, 0, value, quotient.error + Math.abs(quotient.value - value) + other);
    }
  }
  return result;
};

/** squares [1], state [2] → [2]. Scales are powers of two and counts are small, so that f32 computes both exactly. */
export const evaluateLossScaleState: Rule<"loss-scale-state"> = (op, operands) => {
  const [squares, state] = [operand(op, operands, 0), operand(op, operands, 1)];
  const result = emptyResult([2]);
  const [scale, passed] = [at(state.values, 0), at(state.values, 1) + 1];
  const taken = at(squares.values, 0) <= F32_MAX;
  const due = passed >= Math.fround(op.interval);
  result.values[0] = taken
    ? due
      ? Math.min(2 * scale, LARGEST_LOSS_SCALE)
      : scale
    : Math.max(scale / 2, SMALLEST_LOSS_SCALE);
  result.values[1] = taken && !due ? passed : 0;
  const isKnown = boundAt(squares, 0) === 0 && boundAt(state, 0) === 0 && boundAt(state, 1) === 0;
  const isExact = Math.fround(2 * scale) === 2 * scale && Math.fround(scale / 2) === scale / 2 && passed <= 2 ** 24;
  if (!isKnown || !isExact) for (const i of [0, 1]) storeUnknown(result, i, at(result.values, i));
  return result;
};
