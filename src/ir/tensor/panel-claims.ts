/**
 * Claims on packed weights: products by weights that stand as a vector unit reads them (`panel-ops.ts`).
 *
 * A packed product takes its weights first: it is `unpack-panels` and what an unpacked one is, in this order.
 */

import { indices, type OperationSignature, step, tensor } from "./claim-signature.ts";
import { PANEL } from "./panel-ops.ts";
import { type GeluForm, valueId } from "./types.ts";

const [w, x, bias, gamma, beta] = [valueId("w"), valueId("x"), valueId("bias"), valueId("gamma"), valueId("beta")];
const [offsets, expert] = [valueId("offsets"), valueId("expert")];

const ROWS = tensor("w", "E", "N", "K");
const PANELS = tensor("w", "E", "P", "K", PANEL);

const PACKED_LINEAR_INPUTS = [
  PANELS,
  tensor("x", "T", "K"),
  tensor("bias", "E", "N"),
  indices("offsets", "E+1"),
  indices("expert", "T"),
] as const;

const unpacked = (columns = Number.NaN) => step("unpacked", { kind: "unpack-panels", w, columns });

const linear = (id: string) => step(id, { kind: "grouped-linear", x, w: valueId("unpacked"), bias, offsets, expert });

const packedGroupedLinearLayerNormGelu = (form: GeluForm): OperationSignature => ({
  inputs: [...PACKED_LINEAR_INPUTS, tensor("gamma", "E", "N"), tensor("beta", "E", "N")],
  outputs: [tensor("y", "T", "N")],
  attributes: ["columns", "epsilon"],
  sized: { columns: "N" },
  steps: ({ columns, epsilon = Number.NaN }) => [
    unpacked(columns),
    linear("linear"),
    step("norm", { kind: "grouped-layer-norm", x: valueId("linear"), gamma, beta, expert, epsilon }),
    step("y", { kind: "gelu", x: valueId("norm"), form }),
  ],
});

export const PANEL_SIGNATURES = {
  pack_panels: {
    inputs: [ROWS],
    outputs: [tensor("y", "E", "P", "K", PANEL)],
    attributes: [],
    steps: () => [step("y", { kind: "pack-panels", w })],
  },
  unpack_panels: {
    inputs: [PANELS],
    outputs: [tensor("y", "E", "N", "K")],
    attributes: ["columns"],
    sized: { columns: "N" },
    steps: ({ columns = Number.NaN }) => [step("y", { kind: "unpack-panels", w, columns })],
  },
  packed_grouped_linear: {
    inputs: PACKED_LINEAR_INPUTS,
    outputs: [tensor("y", "T", "N")],
    attributes: ["columns"],
    sized: { columns: "N" },
    steps: ({ columns }) => [unpacked(columns), linear("y")],
  },
  packed_grouped_linear_layer_norm_gelu: packedGroupedLinearLayerNormGelu("erf"),
  packed_grouped_linear_layer_norm_gelu_tanh: packedGroupedLinearLayerNormGelu("tanh"),
} as const satisfies Readonly<Record<string, OperationSignature>>;
