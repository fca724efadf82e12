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
 *
 * The backward pass has two parts. The expert path begins with dOutₑ = wₑ ⊙ dY and goes through the experts; the router
 * path begins with gₑ = ⟨dY, outₑ⟩ at the chosen experts and goes through top-k and softmax, whose gradient is not 0 at
 * the other experts either. dX is the sum of both.
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
  const { y, probabilities, weights } = forward(newLayers(t), t.input("x", ["B", config.inputs]), config);
  t.output("y", y);
  t.output("probabilities", probabilities);
  t.output("weights", weights);
}

/** Inputs x [B, inputs] and dy [B, outcomes + actions]; outputs dx, y, and `d.<name>` for each weight, of its shape. */
function buildBackward(t: ModelBuilder, config: MoeShape): void {
  const x = t.input("x", ["B", config.inputs]);
  const dy = t.input("dy", ["B", config.outcomes + config.actions]);
  const layers = newLayers(t);
  const { y } = forward(layers, x, config);
  const wanted = [x, ...layers.weights];
  const gradients = t.gradients([{ of: y, gradient: dy }], wanted, (part) => BACKWARD_PARTS[part] ?? part);
  t.output("y", y);
  for (const [position, gradient] of gradients.entries()) t.output(`d.${wanted[position]?.id}`, gradient);
}

/** What the gradient of each part of the forward pass is called. */
const BACKWARD_PARTS: Readonly<Record<string, string>> = { router: "router_path", experts: "expert_path" };

export const programs = [{ name: "moe_backward", build: buildBackward }];

/** The builder, and the weights that it has made, in order. */
interface Layers {
  readonly t: ModelBuilder;
  readonly weights: Tensor[];
  readonly weight: ModelBuilder["weight"];
}

function newLayers(t: ModelBuilder): Layers {
  const weights: Tensor[] = [];
  const weight: ModelBuilder["weight"] = (...definition) => {
    const made = t.weight(...definition);
    weights.push(made);
    return made;
  };
  return { t, weights, weight };
}

function forward(
  layers: Layers,
  x: Tensor,
  config: MoeShape,
): { readonly y: Tensor; readonly probabilities: Tensor; readonly weights: Tensor } {
  const { t } = layers;
  const { probabilities, weights } = t.within("router", () => {
    const logits = linear(layers, "router.linear", "router", x, config.inputs, config.experts);
    const softmax = t.softmax("router.softmax", logits);
    return { probabilities: softmax, weights: t.topK("router.top_k", softmax, config.chosen, config.renormalise) };
  });
  const outputs = t.within("experts", () => {
    const parts = Array.from({ length: config.experts }, (_, e) => expert(layers, e, x, config));
    return t.stack("experts.outputs", parts);
  });
  return { y: t.within("combine", () => t.combine("combine", weights, outputs)), probabilities, weights };
}

function expert(layers: Layers, e: number, x: Tensor, config: MoeShape): Tensor {
  const { t } = layers;
  const { inputs, hidden, depth, outcomes, actions } = config;
  let value = x;
  for (let i = 0; i <= depth; i++) {
    const [label, weights] = [`expert${e}.layer${i}`, `experts.${e}`];
    const sum = linear(layers, `${label}.linear`, `${weights}.${3 * i}`, value, i === 0 ? inputs : hidden, hidden);
    const gamma = layers.weight(`${weights}.${3 * i + 1}.weight`, [hidden], { kind: "constant", value: 1 });
    const beta = layers.weight(`${weights}.${3 * i + 1}.bias`, [hidden], { kind: "constant", value: 0 });
    const normal = t.layerNorm(`${label}.norm`, sum, gamma, beta, config.epsilon);
    value = t.gelu(`${label}.gelu`, normal, config.gelu);
  }
  return linear(layers, `expert${e}.output`, `experts.${e}.${3 * (depth + 1)}`, value, hidden, outcomes + actions);
}

function linear(layers: Layers, label: string, weights: string, x: Tensor, fanIn: number, fanOut: number): Tensor {
  const initial = { kind: "uniform", bound: 1 / Math.sqrt(fanIn) } as const;
  const w = layers.weight(`${weights}.weight`, [fanOut, fanIn], initial);
  const bias = layers.weight(`${weights}.bias`, [fanOut], initial);
  return layers.t.linear(label, x, w, bias);
}
