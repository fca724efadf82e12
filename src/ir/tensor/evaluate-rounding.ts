/**
 * Reference rules of rounding to f16. The reference keeps the value; its bound grows by as much as the rounding may move
 * what f32 has computed: half the distance of two f16 to the nearest one, the whole distance by chance.
 */

import { halfSpacing, LARGEST_HALF, roundToHalf } from "../../support/float16.ts";
import {
  at,
  type Bounded,
  type BoundedResult,
  boundAt,
  emptyResult,
  store,
  storeNaN,
  storeUnknown,
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";

/** `share`: of the distance between two f16. */
function rounded(x: Bounded, share: 0.5 | 1): BoundedResult {
  const result = emptyResult(x.shape);
  for (let i = 0; i < result.values.length; i++) {
    const [value, error] = [at(x.values, i), boundAt(x, i)];
    const farthest = Math.abs(value) + error;
    if (Number.isNaN(value) && Number.isNaN(error)) storeNaN(result, i);
    else if (error === 0 && Object.is(roundToHalf(value), value)) result.values[i] = value;
    else if (farthest < LARGEST_HALF) store(result, i, value, error + share * halfSpacing(farthest));
    else storeUnknown(result, i, value);
  }
  return result;
}

export const evaluateRoundHalf: Rule<"round-half"> = (op, operands) => rounded(operand(op, operands, 0), 0.5);

export const evaluateRoundHalfByChance: Rule<"round-half-by-chance"> = (op, operands) =>
  rounded(operand(op, operands, 0), 1);
