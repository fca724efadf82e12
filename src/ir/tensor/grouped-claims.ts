/** Claims on T = B·K rows sorted by E experts: the experts' layers, and the path back through sparse dispatch. */

import {
  type ClaimAttributes,
  type ClaimStep,
  indices,
  type OperationSignature,
  single,
  step,
  tensor,
} from "./claim-signature.ts";
import { type GeluForm, valueId } from "./types.ts";

const [x, y, w] = [valueId("x"), valueId("y"), valueId("w")];
const [gamma, beta, bias, dy, gates, dgates, parts] = [
  valueId("gamma"),
  valueId("beta"),
  valueId("bias"),
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

const GROUPED_LINEAR_INPUTS = [
  tensor("x", "T", "K"),
  tensor("w", "E", "N", "K"),
  tensor("bias", "E", "N"),
  OFFSETS,
  indices("expert", "T"),
] as const;

const groupedLinear = (id: string): ClaimStep => step(id, { kind: "grouped-linear", x, w, bias, offsets, expert });

const groupedLinearLayerNormGelu = (form: GeluForm): OperationSignature => ({
  inputs: [...GROUPED_LINEAR_INPUTS, tensor("gamma", "E", "N"), tensor("beta", "E", "N")],
  outputs: [tensor("y", "T", "N")],
  attributes: ["epsilon"],
  steps: (attributes) => [
    groupedLinear("linear"),
    groupedLayerNorm("norm", "linear", attributes),
    step("y", { kind: "gelu", x: valueId("norm"), form }),
  ],
});

const GROUPED_NORM_INPUTS = [
  tensor("x", "T", "N"),
  tensor("gamma", "E", "N"),
  tensor("beta", "E", "N"),
  indices("expert", "T"),
] as const;

const groupedLayerNorm = (id: string, rows: string, { epsilon = Number.NaN }: ClaimAttributes): ClaimStep =>
  step(id, { kind: "grouped-layer-norm", x: valueId(rows), gamma, beta, expert, epsilon });

const groupedLayerNormGelu = (form: GeluForm): OperationSignature => ({
  inputs: GROUPED_NORM_INPUTS,
  outputs: [tensor("y", "T", "N")],
  attributes: ["epsilon"],
  steps: (attributes) => [
    groupedLayerNorm("norm", "x", attributes),
    step("y", { kind: "gelu", x: valueId("norm"), form }),
  ],
});

/** The gradient of what a GELU was given, z, where its result was multiplied by w of each row's expert. */
const groupedMatmulNnGeluGradient = (form: GeluForm): OperationSignature => ({
  inputs: [X, tensor("w", "E", "N", "K"), OFFSETS, indices("expert", "T"), tensor("z", "T", "K")],
  outputs: [tensor("dz", "T", "K")],
  attributes: [],
  steps: () => [
    step("product", { kind: "grouped-matmul-nn", x, w, offsets, expert }),
    step("dz", { kind: "gelu-dx", x: valueId("z"), dy: valueId("product"), form }),
  ],
});

export const GROUPED_SIGNATURES = {
  grouped_linear: {
    inputs: GROUPED_LINEAR_INPUTS,
    outputs: [tensor("y", "T", "N")],
    attributes: [],
    steps: () => [groupedLinear("y")],
  },
  grouped_layer_norm: {
    inputs: GROUPED_NORM_INPUTS,
    outputs: [tensor("y", "T", "N")],
    attributes: ["epsilon"],
    steps: (attributes) => [groupedLayerNorm("y", "x", attributes)],
  },
  grouped_layer_norm_gelu: groupedLayerNormGelu("erf"),
  grouped_layer_norm_gelu_tanh: groupedLayerNormGelu("tanh"),
  grouped_linear_layer_norm_gelu: groupedLinearLayerNormGelu("erf"),
  grouped_linear_layer_norm_gelu_tanh: groupedLinearLayerNormGelu("tanh"),
  grouped_matmul_nn: single([X, tensor("w", "E", "N", "K"), OFFSETS, indices("expert", "T")], tensor("y", "T", "K"), {
    kind: "grouped-matmul-nn",
    x,
    w,
    offsets,
    expert,
  }),
  grouped_matmul_nn_gelu_dx: groupedMatmulNnGeluGradient("erf"),
  grouped_matmul_nn_gelu_tanh_dx: groupedMatmulNnGeluGradient("tanh"),
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
