/**
 * Reference rule of top-k: which entries are chosen, and of which rows that is certain.
 *
 * Entry j outranks entry i if p_j > p_i, or p_j = p_i and j < i. Under errors this is certain, excluded or open: open
 * only if the intervals p ± δ overlap. An entry is open when its rank may fall on either side of k; a row with an open
 * entry is uncertain. Bounds hold there too: an open entry may be 0 or p.
 */

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
} from "./error-model.ts";
import { operand, type Rule } from "./rule.ts";

/** What is known of one entry's membership in the k largest. */
type Membership = "chosen" | "left" | "open";

/** p [B, E] → w [B, E]. */
export const evaluateTopK: Rule<"top-k"> = (op, operands, uncertainRows) => {
  const p = operand(op, operands, 0);
  const [rows = 0, choices = 0] = p.shape;
  const result = emptyResult([rows, choices]);
  for (let row = 0; row < rows; row++) {
    const start = row * choices;
    const chosen = Array.from({ length: choices }, (_, e) => rankOf(p, start, choices, e).exact < op.k);
    const memberships = Array.from({ length: choices }, (_, e) => membership(p, start, choices, e, op.k));
    if (memberships.includes("open")) uncertainRows.add(row);
    if (op.renormalise) storeRenormalised(result, p, start, chosen, memberships);
    else storeMasked(result, p, start, chosen, memberships);
  }
  return result;
};

interface Rank {
  /** Of the reference values. */
  readonly exact: number;
  /** What the errors allow. */
  readonly least: number;
  readonly most: number;
}

export function rankOf(p: Bounded, start: number, choices: number, e: number): Rank {
  const [value, error] = [at(p.values, start + e), boundAt(p, start + e)];
  let [exact, least, most] = [0, 0, 0];
  for (let j = 0; j < choices; j++) {
    if (j === e) continue;
    const [other, otherError] = [at(p.values, start + j), boundAt(p, start + j)];
    const outranks = other > value || (other === value && j < e);
    const settled = isSettled(value, error, other, otherError);
    if (outranks) exact++;
    if (outranks && settled) least++;
    if (outranks || !settled) most++;
  }
  return { exact, least, most };
}

/** Whether an f32 evaluation must compare the two as the reference does. */
function isSettled(a: number, aError: number, b: number, bError: number): boolean {
  if (aError === 0 && bError === 0) return true;
  if (aError === Number.POSITIVE_INFINITY || bError === Number.POSITIVE_INFINITY) return false;
  if (Number.isNaN(a) || Number.isNaN(b)) return true;
  return a - aError > b + bError || b - bError > a + aError;
}

export function membership(p: Bounded, start: number, choices: number, e: number, k: number): Membership {
  // Whether a value is NaN is itself open, and NaN has rank 0.
  if (boundAt(p, start + e) === Number.POSITIVE_INFINITY) return "open";
  const { least, most } = rankOf(p, start, choices, e);
  return most < k ? "chosen" : least >= k ? "left" : "open";
}

function storeMasked(
  result: BoundedResult,
  p: Bounded,
  start: number,
  chosen: readonly boolean[],
  memberships: readonly Membership[],
): void {
  for (const [e, isChosen] of chosen.entries()) {
    const i = start + e;
    const [value, error] = [at(p.values, i), boundAt(p, i)];
    const reference = isChosen ? value : 0;
    if (error === Number.POSITIVE_INFINITY) storeUnknown(result, i, reference);
    else if (memberships[e] === "open") store(result, i, reference, Math.abs(value) + error);
    else if (!isChosen) store(result, i, 0, 0);
    else if (Number.isNaN(value)) storeNaN(result, i);
    else if (!Number.isFinite(value)) result.values[i] = value;
    else store(result, i, value, error);
  }
}

/**
 * w = p/s, s = Σ p over the chosen, with |ŝ − s| ≤ ds = Σδ + γ_k·Σ(|p| + δ):
 *   |p̂/ŝ − p/s| ≤ (δ + |p/s|·ds)/(|s| − ds), then the division's own rounding of at most (|p| + δ)/(|s| − ds).
 */
function storeRenormalised(
  result: BoundedResult,
  p: Bounded,
  start: number,
  chosen: readonly boolean[],
  memberships: readonly Membership[],
): void {
  let [sum, size, sumError] = [0, 0, 0];
  for (const [e, isChosen] of chosen.entries()) {
    if (!isChosen) continue;
    sum += at(p.values, start + e);
    size += Math.abs(at(p.values, start + e)) + boundAt(p, start + e);
    sumError += boundAt(p, start + e);
  }
  sumError += gamma(chosen.length) * size;
  const least = Math.abs(sum) - sumError;
  const range = memberships.includes("open") ? openRange(p, start, chosen.length) : undefined;
  for (const [e, isChosen] of chosen.entries()) {
    const i = start + e;
    const [value, error] = [at(p.values, i), boundAt(p, i)];
    const reference = isChosen ? value / sum : 0;
    if (range !== undefined) store(result, i, reference, Math.max(reference - range.least, range.most - reference));
    else if (!isChosen) store(result, i, 0, 0);
    else if (Number.isNaN(sum)) storeNaN(result, i);
    else if (!(least > 0 && size < F32_MAX / 2)) storeUnknown(result, i, reference);
    else {
      const moved = (error + Math.abs(reference) * sumError) / least;
      store(result, i, reference, moved + (DIVISION_ERROR * (Math.abs(value) + error)) / least + 2 * UNDERFLOW);
    }
  }
}

/** As one division, or as a product with the reciprocal. */
const DIVISION_ERROR = relativeError(FUNCTION_ULPS.div) + 2 * UNIT_ROUNDOFF;

/**
 * Where any renormalised weight of a row lies, whichever entries are chosen. The largest p̂ ≥ M = max(p − δ) is always
 * chosen, and what is negative adds up to at most D = Σ max(0, δ − p), so that ŝ ≥ max(p̂, M) − D and, for M > D,
 *   −D/(M − D) ≤ p̂/ŝ ≤ M/(M − D), but for the roundings of the sum, relative to Σ|p̂| ≤ ŝ + 2D, and of the division.
 */
function openRange(p: Bounded, start: number, choices: number): { readonly least: number; readonly most: number } {
  let [largest, debt] = [Number.NEGATIVE_INFINITY, 0];
  for (let i = start; i < start + choices; i++) {
    largest = Math.max(largest, at(p.values, i) - boundAt(p, i));
    debt += Math.max(0, boundAt(p, i) - at(p.values, i));
  }
  const roundings = gamma(choices) * ((largest + debt) / (largest - debt));
  if (!(largest > debt && roundings < 0.5)) {
    return { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY };
  }
  const growth = (1 + DIVISION_ERROR) / (1 - roundings);
  return {
    least: (-debt / (largest - debt)) * growth - 2 * UNDERFLOW,
    most: (largest / (largest - debt)) * growth + 2 * UNDERFLOW,
  };
}
