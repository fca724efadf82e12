/**
 * Claims: what a kernel may say in `computes`, and what that means in operations of the tensor IR.
 *
 * A claim takes tensor parameters in a fixed order, inputs before outputs, and scalar attributes. Its meaning is a
 * short sequence of operations over the names of its inputs; a fused kernel claims such a sequence as a whole.
 * Dimensions are matched by structure: a kernel may call `K` by another name, but where a claim repeats a name the
 * kernel must repeat one too. Parameters are matched by position, not by name.
 */

import { ADAMW, PRECISION_SIGNATURES } from "./adamw-claims.ts";
import {
  type ClaimAttributes,
  type ClaimStep,
  type ClaimTensor,
  indices,
  type OperationSignature,
  single,
  step,
  tensor,
} from "./claim-signature.ts";
import { DISPATCH_SIGNATURES } from "./dispatch-claims.ts";
import { GROUPED_SIGNATURES } from "./grouped-claims.ts";
import { LOSS_SIGNATURES } from "./loss-claims.ts";
import { PANEL_SIGNATURES } from "./panel-claims.ts";
import { type GeluForm, type Op, type OpKind, valueId } from "./types.ts";

const X = tensor("x", "B", "N");
const BIAS = tensor("bias", "N");
const GAMMA = tensor("gamma", "N");
const BETA = tensor("beta", "N");
const Y = tensor("y", "B", "N");
const LINEAR_INPUTS = [tensor("x", "B", "K"), tensor("w", "N", "K"), BIAS] as const;

const value = {
  x: valueId("x"),
  w: valueId("w"),
  bias: valueId("bias"),
  gamma: valueId("gamma"),
  beta: valueId("beta"),
  expert: valueId("expert"),
  position: valueId("position"),
  source: valueId("source"),
};

const linear = (id: string): ClaimStep => step(id, { kind: "linear", x: value.x, w: value.w, bias: value.bias });
const biasAdd = (id: string): ClaimStep => step(id, { kind: "bias-add", x: value.x, bias: value.bias });
const gelu = (id: string, x: string, form: GeluForm): ClaimStep => step(id, { kind: "gelu", x: valueId(x), form });
const softmax = (id: string, x: string): ClaimStep => step(id, { kind: "softmax", x: valueId(x) });

function layerNorm(id: string, x: string, { epsilon = Number.NaN }: ClaimAttributes): ClaimStep {
  return step(id, { kind: "layer-norm", x: valueId(x), gamma: value.gamma, beta: value.beta, epsilon });
}

function topK(id: string, p: string, { k = Number.NaN }: ClaimAttributes, renormalise: boolean): ClaimStep {
  return step(id, { kind: "top-k", p: valueId(p), k, renormalise });
}

const geluSignature = (form: GeluForm): OperationSignature => ({
  inputs: [X],
  outputs: [Y],
  attributes: [],
  steps: () => [gelu("y", "x", form)],
});

const linearGelu = (form: GeluForm): OperationSignature => ({
  inputs: LINEAR_INPUTS,
  outputs: [Y],
  attributes: [],
  steps: () => [linear("linear"), gelu("y", "linear", form)],
});

const biasGelu = (form: GeluForm): OperationSignature => ({
  inputs: [X, BIAS],
  outputs: [Y],
  attributes: [],
  steps: () => [biasAdd("sum"), gelu("y", "sum", form)],
});

const layerNormGelu = (form: GeluForm): OperationSignature => ({
  inputs: [X, GAMMA, BETA],
  outputs: [Y],
  attributes: ["epsilon"],
  steps: (attributes) => [layerNorm("norm", "x", attributes), gelu("y", "norm", form)],
});

const biasLayerNormGelu = (form: GeluForm): OperationSignature => ({
  inputs: [X, BIAS, GAMMA, BETA],
  outputs: [Y],
  attributes: ["epsilon"],
  steps: (attributes) => [biasAdd("sum"), layerNorm("norm", "sum", attributes), gelu("y", "norm", form)],
});

const linearLayerNormGelu = (form: GeluForm): OperationSignature => ({
  inputs: [...LINEAR_INPUTS, GAMMA, BETA],
  outputs: [Y],
  attributes: ["epsilon"],
  steps: (attributes) => [linear("linear"), layerNorm("norm", "linear", attributes), gelu("y", "norm", form)],
});

const topKMask = (renormalise: boolean): OperationSignature => ({
  inputs: [tensor("p", "B", "E")],
  outputs: [tensor("w", "B", "E")],
  attributes: ["k"],
  steps: (attributes) => [topK("w", "p", attributes, renormalise)],
});

/** Both the probabilities and the routing weights come out: the router's path back needs the former. */
const softmaxTopK = (renormalise: boolean): OperationSignature => ({
  inputs: [tensor("x", "B", "E")],
  outputs: [tensor("p", "B", "E"), tensor("w", "B", "E")],
  attributes: ["k"],
  steps: (attributes) => [softmax("p", "x"), topK("w", "p", attributes, renormalise)],
});

const DY = tensor("dy", "B", "N");

const binary = (
  kind: "add" | "matmul-tn" | "column-dot",
  ...[x, y, z]: readonly [ClaimTensor, ClaimTensor, ClaimTensor]
) => single([x, y], z, { kind, x: valueId(x.name), y: valueId(y.name) });

const geluDx = (id: string, dy: string, form: GeluForm): ClaimStep =>
  step(id, { kind: "gelu-dx", x: valueId("z"), dy: valueId(dy), form });

const geluGradient = (form: GeluForm): OperationSignature =>
  single([X, DY], tensor("dx", "B", "N"), { kind: "gelu-dx", x: value.x, dy: valueId("dy"), form });

const matmulNn = (id: string): ClaimStep => step(id, { kind: "matmul-nn", x: value.x, w: value.w });

/** The gradient of what a GELU was given, z, where its result was multiplied by w. */
const matmulNnGeluGradient = (form: GeluForm): OperationSignature => ({
  inputs: [X, tensor("w", "N", "K"), tensor("z", "B", "K")],
  outputs: [tensor("dz", "B", "K")],
  attributes: [],
  steps: () => [matmulNn("product"), geluDx("dz", "product", form)],
});

const TOP_K_GRADIENT = [tensor("w", "B", "E"), tensor("dw", "B", "E")] as const;
const topKGradient = { kind: "top-k-dp", w: value.w, dw: valueId("dw") } as const;
const [weights, parts] = [valueId("weights"), valueId("parts")];

/** Every claim by its name in `computes`. */
export const OPERATION_SIGNATURES = {
  linear: { inputs: LINEAR_INPUTS, outputs: [Y], attributes: [], steps: () => [linear("y")] },
  matmul: {
    inputs: LINEAR_INPUTS.slice(0, 2),
    outputs: [Y],
    attributes: [],
    steps: () => [step("y", { kind: "linear", x: value.x, w: value.w })],
  },
  bias_add: { inputs: [X, BIAS], outputs: [Y], attributes: [], steps: () => [biasAdd("y")] },
  layer_norm: {
    inputs: [X, GAMMA, BETA],
    outputs: [Y],
    attributes: ["epsilon"],
    steps: (attributes) => [layerNorm("y", "x", attributes)],
  },
  gelu: geluSignature("erf"),
  gelu_tanh: geluSignature("tanh"),
  softmax: { inputs: [X], outputs: [Y], attributes: [], steps: () => [softmax("y", "x")] },
  top_k_mask: topKMask(false),
  top_k_mask_renormalised: topKMask(true),
  combine: {
    inputs: [tensor("weights", "B", "E"), tensor("parts", "E", "B", "N")],
    outputs: [Y],
    attributes: [],
    steps: () => [step("y", { kind: "combine", weights: valueId("weights"), parts: valueId("parts") })],
  },
  linear_gelu: linearGelu("erf"),
  linear_gelu_tanh: linearGelu("tanh"),
  bias_gelu: biasGelu("erf"),
  bias_gelu_tanh: biasGelu("tanh"),
  bias_layer_norm: {
    inputs: [X, BIAS, GAMMA, BETA],
    outputs: [Y],
    attributes: ["epsilon"],
    steps: (attributes) => [biasAdd("sum"), layerNorm("y", "sum", attributes)],
  },
  layer_norm_gelu: layerNormGelu("erf"),
  layer_norm_gelu_tanh: layerNormGelu("tanh"),
  bias_layer_norm_gelu: biasLayerNormGelu("erf"),
  bias_layer_norm_gelu_tanh: biasLayerNormGelu("tanh"),
  linear_layer_norm_gelu: linearLayerNormGelu("erf"),
  linear_layer_norm_gelu_tanh: linearLayerNormGelu("tanh"),
  softmax_top_k: softmaxTopK(false),
  softmax_top_k_renormalised: softmaxTopK(true),
  gather_rows: {
    inputs: [tensor("x", "R", "N"), indices("source", "T")],
    outputs: [tensor("y", "T", "N")],
    attributes: [],
    steps: () => [step("y", { kind: "gather-rows", x: value.x, source: value.source })],
  },
  scatter_rows: {
    inputs: [tensor("x", "T", "N"), indices("position", "T"), indices("source", "T")],
    outputs: [tensor("y", "T", "N")],
    attributes: [],
    steps: () => [step("y", { kind: "scatter-rows", x: value.x, position: value.position, source: value.source })],
  },
  combine_rows: {
    inputs: [tensor("gates", "B", "K"), tensor("parts", "T", "N"), indices("position", "T")],
    outputs: [Y],
    attributes: [],
    steps: () => [
      step("y", { kind: "combine-rows", gates: valueId("gates"), parts: valueId("parts"), position: value.position }),
    ],
  },
  adamw: ADAMW,
  row_squares: {
    inputs: [tensor("x", "R", "C")],
    outputs: [tensor("y", "R")],
    attributes: [],
    steps: () => [step("y", { kind: "row-squares", x: value.x })],
  },
  total: {
    inputs: [tensor("x", "N")],
    outputs: [tensor("y", 1)],
    attributes: [],
    steps: () => [step("y", { kind: "total", x: value.x })],
  },
  clip_scale: {
    inputs: [tensor("squares", 1)],
    outputs: [tensor("scale", 1)],
    attributes: ["max_norm"],
    steps: ({ max_norm: maxNorm = Number.NaN }) => [
      step("scale", { kind: "clip-scale", squares: valueId("squares"), maxNorm }),
    ],
  },
  add: binary("add", X, tensor("y", "B", "N"), tensor("z", "B", "N")),
  matmul_nn: single([X, tensor("w", "N", "K")], tensor("y", "B", "K"), { kind: "matmul-nn", x: value.x, w: value.w }),
  matmul_nn_gelu_dx: matmulNnGeluGradient("erf"),
  matmul_nn_gelu_tanh_dx: matmulNnGeluGradient("tanh"),
  matmul_tn: binary("matmul-tn", X, tensor("y", "B", "K"), tensor("z", "N", "K")),
  column_sum: single([X], tensor("y", "N"), { kind: "column-sum", x: value.x }),
  column_dot: binary("column-dot", X, tensor("y", "B", "N"), tensor("z", "N")),
  standardise: {
    inputs: [X],
    outputs: [Y],
    attributes: ["epsilon"],
    steps: ({ epsilon = Number.NaN }) => [step("y", { kind: "standardise", x: value.x, epsilon })],
  },
  layer_norm_dx: {
    inputs: [X, GAMMA, DY],
    outputs: [tensor("dx", "B", "N")],
    attributes: ["epsilon"],
    steps: ({ epsilon = Number.NaN }) => [
      step("dx", { kind: "layer-norm-dx", x: value.x, gamma: value.gamma, dy: valueId("dy"), epsilon }),
    ],
  },
  gelu_dx: geluGradient("erf"),
  gelu_tanh_dx: geluGradient("tanh"),
  softmax_dx: single([tensor("p", "B", "N"), tensor("dp", "B", "N")], tensor("dx", "B", "N"), {
    kind: "softmax-dx",
    p: valueId("p"),
    dp: valueId("dp"),
  }),
  top_k_dp: single(TOP_K_GRADIENT, tensor("dp", "B", "E"), topKGradient),
  top_k_dp_renormalised: single([...TOP_K_GRADIENT, tensor("p", "B", "E")], tensor("dp", "B", "E"), {
    ...topKGradient,
    p: valueId("p"),
  }),
  combine_dparts: single([tensor("weights", "B", "E"), DY], tensor("dparts", "E", "B", "N"), {
    kind: "combine-dparts",
    weights,
    dy: valueId("dy"),
  }),
  combine_dweights: single(
    [tensor("weights", "B", "E"), tensor("parts", "E", "B", "N"), DY],
    tensor("dweights", "B", "E"),
    { kind: "combine-dweights", weights, parts, dy: valueId("dy") },
  ),
  ...GROUPED_SIGNATURES,
  ...PANEL_SIGNATURES,
  ...LOSS_SIGNATURES,
  ...DISPATCH_SIGNATURES,
  ...PRECISION_SIGNATURES,
} as const satisfies Readonly<Record<string, OperationSignature>>;

export type OperationClaim = keyof typeof OPERATION_SIGNATURES;

/** Whether a kernel's `computes` names an operation. */
export function isOperationClaim(name: string): name is OperationClaim {
  return Object.hasOwn(OPERATION_SIGNATURES, name);
}

const CLAIMS: { readonly [K in OpKind]: (op: Op<K>) => OperationClaim | undefined } = {
  linear: ({ bias }) => (bias === undefined ? "matmul" : "linear"),
  "bias-add": () => "bias_add",
  "layer-norm": () => "layer_norm",
  gelu: ({ form }) => (form === "erf" ? "gelu" : "gelu_tanh"),
  softmax: () => "softmax",
  "top-k": ({ renormalise }) => (renormalise ? "top_k_mask_renormalised" : "top_k_mask"),
  stack: () => undefined,
  concat: () => undefined,
  combine: () => "combine",
  "gather-rows": () => "gather_rows",
  "scatter-rows": () => "scatter_rows",
  "grouped-linear": () => "grouped_linear",
  "grouped-layer-norm": () => "grouped_layer_norm",
  "combine-rows": () => "combine_rows",
  "top-k-experts": () => undefined,
  "top-k-gates": () => undefined,
  "normalise-rows": () => "normalise_rows",
  "expert-counts": () => "expert_counts",
  "expert-offsets": () => "expert_offsets",
  "token-positions": () => "token_positions",
  "slot-experts": () => "slot_experts",
  "token-sources": () => "token_sources",
  "gather-assignments": () => "gather_assignments",
  "adamw-mean": () => undefined,
  "adamw-square": () => undefined,
  "adamw-weight": () => undefined,
  "row-squares": () => "row_squares",
  total: () => "total",
  "clip-scale": () => "clip_scale",
  "round-half": () => undefined,
  "round-half-by-chance": () => undefined,
  choose: () => undefined,
  "loss-scale-factor": () => undefined,
  "loss-scale-state": () => undefined,
  part: () => undefined,
  add: () => "add",
  "cross-entropy": () => "cross_entropy",
  "cross-entropy-dx": () => "cross_entropy_dx",
  "z-loss": () => "z_loss",
  "z-loss-dx": () => "z_loss_dx",
  "balance-coefficients": () => "balance_coefficients",
  "matmul-nn": () => "matmul_nn",
  "matmul-tn": () => "matmul_tn",
  "column-sum": () => "column_sum",
  "column-dot": () => "column_dot",
  standardise: () => "standardise",
  "layer-norm-dx": () => "layer_norm_dx",
  "gelu-dx": ({ form }) => (form === "erf" ? "gelu_dx" : "gelu_tanh_dx"),
  "softmax-dx": () => "softmax_dx",
  "top-k-dp": ({ p }) => (p === undefined ? "top_k_dp" : "top_k_dp_renormalised"),
  "combine-dparts": () => "combine_dparts",
  "combine-dweights": () => "combine_dweights",
  "grouped-matmul-nn": () => "grouped_matmul_nn",
  "grouped-matmul-tn": () => "grouped_matmul_tn",
  "grouped-column-sum": () => "grouped_column_sum",
  "grouped-column-dot": () => "grouped_column_dot",
  "grouped-layer-norm-dx": () => "grouped_layer_norm_dx",
  "combine-rows-dparts": () => "combine_rows_dparts",
  "combine-rows-dgates": () => "combine_rows_dgates",
  "top-k-gates-dp": () => "top_k_gates_dp",
  "normalise-rows-dx": () => "normalise_rows_dx",
  "pack-panels": () => "pack_panels",
  "unpack-panels": () => "unpack_panels",
};

/**
 * The claim of a kernel that computes just this operation; `undefined` for `stack`, `concat` and `part`, which are layout,
 * and for the steps of AdamW, of `loss_scale` and of `top_k_experts`, which are claimed together.
 */
export function claimOf<K extends OpKind>(op: Op<K>): OperationClaim | undefined {
  return CLAIMS[op.kind](op);
}
