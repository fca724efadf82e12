/**
 * Claims of the kernels that update weights by AdamW, of f32 and of f16, and of the scale of the loss.
 *
 * They name f32: in a weight or a moment of a half, rounded to the nearest value, small updates would be lost.
 */

import {
  type ClaimAttributes,
  type ClaimStep,
  type ClaimTensor,
  indices,
  type OperationSignature,
  singles,
  step,
  tensor,
} from "./claim-signature.ts";
import { valueId } from "./types.ts";

const [scale, squares, state] = [valueId("scale"), valueId("squares"), valueId("state")];
const MOMENTS = ["mean", "square"] as const;
const GIVEN = [tensor("gradient", "R", "C"), singles("scale", 1), singles("rates", 3)] as const;
const CONSTANTS = ["beta1", "beta2", "epsilon", "decay"] as const;

const single = (name: string): ClaimTensor => singles(name, "R", "C");
const half = (name: string): ClaimTensor => ({ ...single(name), element: "f16" });

/** What a step of AdamW makes of the weight of this name and of its moments, under the names of `made`. */
function adamwSteps(
  weight: string,
  made: { readonly weight: string; readonly mean: string; readonly square: string },
  { beta1 = Number.NaN, beta2 = Number.NaN, epsilon = Number.NaN, decay = Number.NaN }: ClaimAttributes,
): readonly ClaimStep[] {
  const [gradient, rates, before] = [valueId("gradient"), valueId("rates"), valueId(weight)];
  const [mean, square] = [valueId(made.mean), valueId(made.square)];
  return [
    step(mean, { kind: "adamw-mean", mean: valueId("mean"), gradient, scale, beta1 }),
    step(square, { kind: "adamw-square", square: valueId("square"), gradient, scale, beta2 }),
    step(made.weight, { kind: "adamw-weight", weight: before, mean, square, rates, epsilon, decay }),
  ];
}

/** The same, or nothing where scale[0] is 0; what it leaves of the weight is called `kept`. */
function skippableSteps(weight: string, kept: string, attributes: ClaimAttributes): readonly ClaimStep[] {
  const next = { weight: "next", mean: "next_mean", square: "next_square" };
  const choose = (id: string, x: string, otherwise: string): ClaimStep =>
    step(id, { kind: "choose", condition: scale, x: valueId(x), otherwise: valueId(otherwise) });
  return [
    ...adamwSteps(weight, next, attributes),
    choose("new_mean", next.mean, "mean"),
    choose("new_square", next.square, "square"),
    choose(kept, next.weight, weight),
  ];
}

/** A kernel may have what a step makes anew as an `inout`, which counts as input and output. */
export const ADAMW: OperationSignature = {
  inputs: [...["weight", ...MOMENTS].map(single), ...GIVEN],
  outputs: ["weight", ...MOMENTS].map((name) => single(`new_${name}`)),
  attributes: CONSTANTS,
  steps: (attributes) =>
    adamwSteps("weight", { weight: "new_weight", mean: "new_mean", square: "new_square" }, attributes),
};

/**
 * `adamw_half` has weights of f16 and rounds them by chance, with the random integers of (seed, step) = `random` and of
 * `stream`; `adamw_master` keeps them as f32 masters, and leaves the nearest f16 of each.
 */
export const PRECISION_SIGNATURES = {
  adamw_half: {
    inputs: [half("weight"), ...MOMENTS.map(single), ...GIVEN, indices("random", 2)],
    outputs: [half("new_weight"), ...MOMENTS.map((name) => single(`new_${name}`))],
    attributes: [...CONSTANTS, "stream"],
    steps: (attributes: ClaimAttributes) => {
      const { stream = Number.NaN } = attributes;
      const op = { kind: "round-half-by-chance", x: valueId("unrounded"), random: valueId("random"), stream } as const;
      return [...skippableSteps("weight", "unrounded", attributes), step("new_weight", op)];
    },
  },
  adamw_master: {
    inputs: [single("master"), ...MOMENTS.map(single), ...GIVEN],
    outputs: [single("new_master"), ...MOMENTS.map((name) => single(`new_${name}`)), half("weight")],
    attributes: CONSTANTS,
    steps: (attributes: ClaimAttributes) => [
      ...skippableSteps("master", "new_master", attributes),
      step("weight", { kind: "round-half", x: valueId("new_master") }),
    ],
  },
  loss_scale: {
    inputs: [singles("squares", 1), singles("state", 2)],
    outputs: [singles("new_state", 2), singles("scale", 1)],
    attributes: ["max_norm", "interval"],
    steps: ({ max_norm: maxNorm = Number.NaN, interval = Number.NaN }: ClaimAttributes) => [
      step("scale", { kind: "loss-scale-factor", squares, state, maxNorm }),
      step("new_state", { kind: "loss-scale-state", squares, state, interval }),
    ],
  },
} as const satisfies Readonly<Record<string, OperationSignature>>;
