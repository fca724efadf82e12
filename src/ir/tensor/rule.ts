/** What a reference rule is: from an operation and its operands to the result and its error bound. */

import { InternalError } from "../../support/result.ts";
import type { Bounded } from "./error-model.ts";
import type { Op, OpKind } from "./types.ts";

/**
 * Operands come in the order of `operandsOf`, with shapes that `shapeOf` accepts. A rule adds to `uncertainRows` each
 * row of which it cannot say what an f32 evaluation selects.
 */
export type Rule<K extends OpKind> = (op: Op<K>, operands: readonly Bounded[], uncertainRows: Set<number>) => Bounded;

export function operand(op: Op, operands: readonly Bounded[], index: number): Bounded {
  const found = operands[index];
  if (found === undefined) throw new InternalError(`${op.label}: no operand ${index}`);
  return found;
}
