/** Claims of the path back through grouped-linear: T rows sorted by E experts. */

import { indices, type OperationSignature, single, tensor } from "./claim-signature.ts";
import { valueId } from "./types.ts";

const [x, y, w] = [valueId("x"), valueId("y"), valueId("w")];
const [offsets, expert] = [valueId("offsets"), valueId("expert")];

const X = tensor("x", "T", "N");
const OFFSETS = indices("offsets", "E+1");

export const GROUPED_SIGNATURES = {
  grouped_matmul_nn: single([X, tensor("w", "E", "N", "K"), OFFSETS, indices("expert", "T")], tensor("y", "T", "K"), {
    kind: "grouped-matmul-nn",
    x,
    w,
    offsets,
    expert,
  }),
  grouped_matmul_tn: single([X, tensor("y", "T", "K"), OFFSETS], tensor("z", "E", "N", "K"), {
    kind: "grouped-matmul-tn",
    x,
    y,
    offsets,
  }),
  grouped_column_sum: single([X, OFFSETS], tensor("y", "E", "N"), { kind: "grouped-column-sum", x, offsets }),
} as const satisfies Readonly<Record<string, OperationSignature>>;
