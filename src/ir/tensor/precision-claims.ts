/** Claims of the kernels of training with f16 weights. */

import {
  type ClaimAttributes,
  type ClaimStep,
  indices,
  type OperationSignature,
  step,
  tensor,
} from "./claim-signature.ts";
import { valueId } from "./types.ts";

const [scale, squares, state] = [valueId("scale"), valueId("squares"), valueId("state")];
const MOMENTS = ["mean", "square"] as const;
const GIVEN = [tensor("gradient", "R", "C"), tensor("scale", 1), tensor("rates", 3)] as const;
const CONSTANTS = ["beta1", "beta2", "epsilon", "decay"] as const;

const half = (name: string): ReturnType<typeof tensor> => ({ ...tensor(name, "R", "C"), element: "f16" });
const float = (name: string): ReturnType<typeof tensor> => tensor(name, "R", "C");

/**
 * A step of AdamW on the weight of this name, or none where scale[0] is 0. What it leaves of the weight is called `kept`,
 * and `results` are made of it.
 */
function steps(
  weight: string,
  kept: string,
  results: readonly ClaimStep[],
  { beta1 = Number.NaN, beta2 = Number.NaN, epsilon = Number.NaN, decay = Number.NaN }: ClaimAttributes,
): readonly ClaimStep[] {
  const [gradient, rates, before] = [valueId("gradient"), valueId("rates"), valueId(weight)];
  const [mean, square] = [valueId("mean"), valueId("square")];
  const [nextMean, nextSquare, next] = [valueId("next_mean"), valueId("next_square"), valueId("next")];
  const choose = (id: string, x: string, otherwise: string): ClaimStep =>
    step(id, { kind: "choose", condition: scale, x: valueId(x), otherwise: valueId(otherwise) });
  return [
    step(nextMean, { kind: "adamw-mean", mean, gradient, scale, beta1 }),
    step(nextSquare, { kind: "adamw-square", square, gradient, scale, beta2 }),
    step(next, { kind: "adamw-weight", weight: before, mean: nextMean, square: nextSquare, rates, epsilon, decay }),
    choose("new_mean", nextMean, mean),
    choose("new_square", nextSquare, square),
    choose(kept, next, weight),
    ...results,
  ];
}

/**
 * `adamw_half` has weights of f16 and rounds them by chance, with the random integers of (seed, step) = `random` and of
 * `stream`; `adamw_master` keeps them as f32 masters, and leaves the nearest f16 of each.
 */
export const PRECISION_SIGNATURES = {
  adamw_half: {
    inputs: [half("weight"), ...MOMENTS.map(float), ...GIVEN, indices("random", 2)],
    outputs: [half("new_weight"), ...MOMENTS.map((name) => float(`new_${name}`))],
    attributes: [...CONSTANTS, "stream"],
    steps: (attributes: ClaimAttributes) => {
      const { stream = Number.NaN } = attributes;
      const op = { kind: "round-half-by-chance", x: valueId("unrounded"), random: valueId("random"), stream } as const;
      return steps("weight", "unrounded", [step("new_weight", op)], attributes);
    },
  },
  adamw_master: {
    inputs: [float("master"), ...MOMENTS.map(float), ...GIVEN],
    outputs: [float("new_master"), ...MOMENTS.map((name) => float(`new_${name}`)), half("weight")],
    attributes: CONSTANTS,
    steps: (attributes: ClaimAttributes) =>
      steps("master", "new_master", [step("weight", { kind: "round-half", x: valueId("new_master") })], attributes),
  },
  loss_scale: {
    inputs: [tensor("squares", 1), tensor("state", 2)],
    outputs: [tensor("new_state", 2), tensor("scale", 1)],
    attributes: ["max_norm", "interval"],
    steps: ({ max_norm: maxNorm = Number.NaN, interval = Number.NaN }: ClaimAttributes) => [
      step("scale", { kind: "loss-scale-factor", squares, state, maxNorm }),
      step("new_state", { kind: "loss-scale-state", squares, state, interval }),
    ],
  },
} as const satisfies Readonly<Record<string, OperationSignature>>;
