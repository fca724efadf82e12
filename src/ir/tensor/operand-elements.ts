/** What the tensors hold that an operation reads and makes: floats, or integers that are row numbers. */

import type { Op, OpKind, TensorElement } from "./types.ts";

/** Where the row numbers among an operation's operands begin; they are the last. */
const FIRST_INDEX: { readonly [K in OpKind]?: number } = {
  "gather-rows": 1,
  "scatter-rows": 1,
  "grouped-linear": 3,
  "grouped-layer-norm": 3,
  "combine-rows": 2,
  "expert-counts": 0,
  "expert-offsets": 0,
  "token-positions": 0,
  "slot-experts": 0,
  "token-sources": 0,
  "gather-assignments": 1,
  "cross-entropy": 1,
  "cross-entropy-dx": 2,
  "round-half-by-chance": 1,
  "grouped-matmul-nn": 2,
  "grouped-matmul-tn": 2,
  "grouped-column-sum": 1,
  "grouped-column-dot": 2,
  "grouped-layer-norm-dx": 3,
  "combine-rows-dparts": 2,
  "combine-rows-dgates": 3,
  "top-k-gates-dp": 1,
};

/** What the operand at this position of `operandsOf` holds. */
export function operandElement({ kind }: { readonly kind: OpKind }, position: number): TensorElement {
  return position >= (FIRST_INDEX[kind] ?? Number.POSITIVE_INFINITY) ? "i32" : "f32";
}

const RESULT_ELEMENT: { readonly [K in OpKind]?: TensorElement } = {
  "top-k-experts": "i32",
  "expert-counts": "i32",
  "expert-offsets": "i32",
  "token-positions": "i32",
  "slot-experts": "i32",
  "token-sources": "i32",
  "round-half": "f16",
  "round-half-by-chance": "f16",
};

/** What an operation's result holds. */
export function resultElement({ kind }: Op): TensorElement {
  return RESULT_ELEMENT[kind] ?? "f32";
}
