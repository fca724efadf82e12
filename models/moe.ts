/**
 * The Mixture-of-Experts model: a router chooses K of E experts for each row, and their outputs are added by weight.
 *
 *   p = softmax(x·Wᵣᵀ + bᵣ);  w = p at the K largest, 0 elsewhere;  y = Σₑ wₑ·fₑ(x)
 *   fₑ = Linear(inputs, hidden)·LayerNorm·GELU, then depth × [Linear(hidden, hidden)·LayerNorm·GELU], then
 *        Linear(hidden, outcomes + actions)
 *
 * Weights have the names that PyTorch gives to `router = Linear` and `experts = ModuleList(Sequential(…))`: a block of
 * Linear, LayerNorm and GELU takes three places, so that block i's Linear is at 3i and its LayerNorm at 3i + 1. Linear
 * starts as in PyTorch, uniform in ±1/√fan_in; LayerNorm starts as the identity.
 */

import type { ModelBuilder, Tensor } from "tokitai/model";

/** The shape of the model; `src/moe/sizes.ts` checks one and has the four named sizes. */
export interface MoeShape {
  /** Features of a row. */
  readonly inputs: number;
  /** Width of every hidden layer of an expert. */
  readonly hidden: number;
  /** Blocks of an expert after its first. */
  readonly depth: number;
  readonly experts: number;
  /** Experts that a row is given to. */
  readonly chosen: number;
  /** Logits of outcomes, the first columns of `y`; those of actions follow. */
  readonly outcomes: number;
  readonly actions: number;
  readonly gelu: "erf" | "tanh";
  /** LayerNorm's addend to the variance. */
  readonly epsilon: number;
  /** Whether the weights of the chosen experts are scaled to the sum 1. */
  readonly renormalise: boolean;
}

export const name = "moe_forward";

/** Input x [B, inputs]; outputs y [B, outcomes + actions], probabilities [B, E], weights [B, E]. */
export function build(t: ModelBuilder, config: MoeShape): void {
  const x = t.input("x", ["B", config.inputs]);
  const logits = linear(t, "router.linear", "router", x, config.inputs, config.experts);
  const probabilities = t.softmax("router.softmax", logits);
  const weights = t.topK("router.top_k", probabilities, config.chosen, config.renormalise);
  const parts = Array.from({ length: config.experts }, (_, e) => expert(t, e, x, config));
  t.output("y", t.combine("combine", weights, t.stack("experts.outputs", parts)));
  t.output("probabilities", probabilities);
  t.output("weights", weights);
}

function expert(t: ModelBuilder, e: number, x: Tensor, config: MoeShape): Tensor {
  const { inputs, hidden, depth, outcomes, actions } = config;
  let value = x;
  for (let i = 0; i <= depth; i++) {
    const [label, weights] = [`expert${e}.layer${i}`, `experts.${e}`];
    const sum = linear(t, `${label}.linear`, `${weights}.${3 * i}`, value, i === 0 ? inputs : hidden, hidden);
    const gamma = t.weight(`${weights}.${3 * i + 1}.weight`, [hidden], { kind: "constant", value: 1 });
    const beta = t.weight(`${weights}.${3 * i + 1}.bias`, [hidden], { kind: "constant", value: 0 });
    const normal = t.layerNorm(`${label}.norm`, sum, gamma, beta, config.epsilon);
    value = t.gelu(`${label}.gelu`, normal, config.gelu);
  }
  return linear(t, `expert${e}.output`, `experts.${e}.${3 * (depth + 1)}`, value, hidden, outcomes + actions);
}

function linear(t: ModelBuilder, label: string, weights: string, x: Tensor, fanIn: number, fanOut: number): Tensor {
  const initial = { kind: "uniform", bound: 1 / Math.sqrt(fanIn) } as const;
  const w = t.weight(`${weights}.weight`, [fanOut, fanIn], initial);
  const bias = t.weight(`${weights}.bias`, [fanOut], initial);
  return t.linear(label, x, w, bias);
}
