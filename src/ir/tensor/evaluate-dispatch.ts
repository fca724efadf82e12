/**
 * Reference rules of the choice of experts as a list: the experts that `top-k` chooses, and what they weigh.
 *
 * Where the bound cannot say which experts an f32 evaluation chooses, the row is uncertain: its ids are those of the
 * reference values, and its ids and gates have the bound ∞. Ids with a bound serve as row numbers all the same; what they
 * put in order is marked by `placedBy`.
 */

import { InternalError } from "../../support/result.ts";
import { at, type Bounded, boundAt, emptyResult, storeUnknown } from "./error-model.ts";
import { membership, rankOf } from "./evaluate-top-k.ts";
import { operand, type Rule } from "./rule.ts";

/** p [B, E] → ids [k·B]. */
export const evaluateTopKExperts: Rule<"top-k-experts"> = (op, operands, uncertainRows) => {
  const p = operand(op, operands, 0);
  const result = emptyResult([op.k * (p.shape[0] ?? 0)]);
  forEachChoice(p, op.k, uncertainRows, (place, e, isCertain) => {
    result.values[place] = e;
    if (!isCertain) storeUnknown(result, place, e);
  });
  return result;
};

/** p [B, E] → gates [B, k]. */
export const evaluateTopKGates: Rule<"top-k-gates"> = (op, operands, uncertainRows) => {
  const p = operand(op, operands, 0);
  const [rows = 0, choices = 0] = p.shape;
  const result = emptyResult([rows, op.k]);
  forEachChoice(p, op.k, uncertainRows, (place, e, isCertain) => {
    const from = Math.floor(place / op.k) * choices + e;
    result.values[place] = at(p.values, from);
    result.bound[place] = boundAt(p, from);
    if (!isCertain) storeUnknown(result, place, at(p.values, from));
  });
  return result;
};

/** Visits the first k of each row that have a rank below k, in ascending order. */
function forEachChoice(
  p: Bounded,
  k: number,
  uncertainRows: Set<number>,
  visit: (place: number, expert: number, isCertain: boolean) => void,
): void {
  const [rows = 0, choices = 0] = p.shape;
  for (let row = 0; row < rows; row++) {
    const start = row * choices;
    const entries = Array.from({ length: choices }, (_, e) => e);
    const chosen = entries.filter((e) => rankOf(p, start, choices, e).exact < k).slice(0, k);
    if (chosen.length < k) throw new InternalError(`${chosen.length} of ${k} experts`);
    const isCertain = entries.every((e) => membership(p, start, choices, e, k) !== "open");
    if (!isCertain) uncertainRows.add(row);
    for (const [s, e] of chosen.entries()) visit(row * k + s, e, isCertain);
  }
}
