/** Claims of the path back through sparse dispatch: T = B·K rows sorted by E experts. */

import { indices, type OperationSignature, single, step, tensor } from "./claim-signature.ts";
import { valueId } from "./types.ts";

const [x, y, w] = [valueId("x"), valueId("y"), valueId("w")];
const [gamma, dy, gates, dgates, parts] = [
  valueId("gamma"),
  valueId("dy"),
  valueId("gates"),
  valueId("dgates"),
  valueId("parts"),
];
const [offsets, expert, source] = [valueId("offsets"), valueId("expert"), valueId("source")];
const [position, ids] = [valueId("position"), valueId("ids")];

const X = tensor("x", "T", "N");
const OFFSETS = indices("offsets", "E+1");
const GATES = tensor("gates", "B", "K");
const DY = tensor("dy", "B", "N");

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
  grouped_column_dot: single([X, tensor("y", "T", "N"), OFFSETS], tensor("z", "E", "N"), {
    kind: "grouped-column-dot",
    x,
    y,
    offsets,
  }),
  grouped_layer_norm_dx: {
    inputs: [X, tensor("gamma", "E", "N"), tensor("dy", "T", "N"), indices("expert", "T")],
    outputs: [tensor("dx", "T", "N")],
    attributes: ["epsilon"],
    steps: ({ epsilon = Number.NaN }) => [step("dx", { kind: "grouped-layer-norm-dx", x, gamma, dy, expert, epsilon })],
  },
  combine_rows_dparts: single([GATES, DY, indices("source", "T")], tensor("dparts", "T", "N"), {
    kind: "combine-rows-dparts",
    gates,
    dy,
    source,
  }),
  combine_rows_dgates: single(
    [GATES, tensor("parts", "T", "N"), DY, indices("position", "T")],
    tensor("dgates", "B", "K"),
    { kind: "combine-rows-dgates", gates, parts, dy, position },
  ),
  top_k_gates_dp: {
    inputs: [tensor("dgates", "B", "K"), indices("ids", "T")],
    outputs: [tensor("dp", "B", "E")],
    attributes: ["experts"],
    sized: { experts: "E" },
    steps: ({ experts = Number.NaN }) => [step("dp", { kind: "top-k-gates-dp", dgates, ids, experts })],
  },
  normalise_rows_dx: single([tensor("x", "B", "N"), tensor("y", "B", "N"), DY], tensor("dx", "B", "N"), {
    kind: "normalise-rows-dx",
    x,
    y,
    dy,
  }),
} as const satisfies Readonly<Record<string, OperationSignature>>;
