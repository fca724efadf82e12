/** Claims of the losses and of their gradients. Losses are one number per row, in a column: what a row counts is the caller's. */

import { type ClaimAttributes, indices, type OperationSignature, step, tensor } from "./claim-signature.ts";
import { valueId } from "./types.ts";

const X = tensor("x", "B", "N");
const LABELS = [indices("first", "B"), indices("second", "B")] as const;
const ROW_LOSS = tensor("loss", "B", 1);
const ROW_GRADIENT = tensor("dloss", "B", 1);
const DX = tensor("dx", "B", "N");

const x = valueId("x");
const dloss = valueId("dloss");
const labels = { first: valueId("first"), second: valueId("second") };

export const LOSS_SIGNATURES = {
  cross_entropy: {
    inputs: [X, ...LABELS],
    outputs: [ROW_LOSS],
    attributes: ["split"],
    steps: ({ split = Number.NaN }: ClaimAttributes) => [step("loss", { kind: "cross-entropy", x, ...labels, split })],
  },
  cross_entropy_dx: {
    inputs: [X, ROW_GRADIENT, ...LABELS],
    outputs: [DX],
    attributes: ["split"],
    steps: ({ split = Number.NaN }: ClaimAttributes) => [
      step("dx", { kind: "cross-entropy-dx", x, ...labels, dloss, split }),
    ],
  },
  z_loss: {
    inputs: [X],
    outputs: [ROW_LOSS],
    attributes: ["beta"],
    steps: ({ beta = Number.NaN }: ClaimAttributes) => [step("loss", { kind: "z-loss", x, beta })],
  },
  z_loss_dx: {
    inputs: [X, ROW_GRADIENT],
    outputs: [DX],
    attributes: ["beta"],
    steps: ({ beta = Number.NaN }: ClaimAttributes) => [step("dx", { kind: "z-loss-dx", x, dloss, beta })],
  },
  balance_coefficients: {
    inputs: [tensor("w", "B", "E")],
    outputs: [tensor("coefficients", 1, "E")],
    attributes: ["k", "alpha"],
    steps: ({ k = Number.NaN, alpha = Number.NaN }: ClaimAttributes) => [
      step("coefficients", { kind: "balance-coefficients", w: valueId("w"), k, alpha }),
    ],
  },
} as const satisfies Readonly<Record<string, OperationSignature>>;
