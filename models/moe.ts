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
 * The sparse forward pass computes the same y from the same weights, each of which has the parts of all experts one after
 * another: `experts.0.weight` [E, hidden, inputs] is `experts.0.0.weight` to `experts.<E−1>.0.weight`. Every row makes K
 * assignments, which are sorted by expert; an expert works on its own rows alone, however many they are.
 *
 * The packed forward pass is the sparse one from weights that `moe_pack` has turned once into what a product reads: panels of 32 rows.
 *
 * The backward pass has two parts. The expert path begins with dOutₑ = wₑ ⊙ dY and goes through the experts; the router
 * path begins with gₑ = ⟨dY, outₑ⟩ at the chosen experts and goes through top-k and softmax, whose gradient is not 0 at
 * the other experts either. dX is the sum of both.
 *
 * The training step is forward, backward and AdamW in one program. Its loss is Σ_b importance[b]·loss[b], which with an
 * importance of 1/B is the mean over the rows of
 *
 *   cross-entropy of the outcomes + that of the actions + balance·E·Σₑ fₑ·pₑ + z·(log Σ exp(router logits))²
 *
 * where fₑ is the share of the assignments that expert e has, which has no gradient. The sparse training step computes the same from
 * the weights of the sparse forward pass: forward and back, an expert works on its own rows alone.
 */

import type { Groups, ModelBuilder, Tensor } from "tokitai/model";

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
  readonly training: MoeTraining;
}

/** Constants of the training step. */
export interface MoeTraining {
  /** AdamW: how much a step keeps of the gradients' mean and mean square, and what is added to the latter's root. */
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay; biases and LayerNorm have none. */
  readonly decay: number;
  /** Gradients of a larger norm, over all weights, are scaled down to it. */
  readonly maxNorm: number;
  /** Coefficients of the load-balancing loss and of the z loss; 0 leaves one out. */
  readonly balance: number;
  readonly z: number;
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

/**
 * Inputs x [B, inputs], the classes outcome [B] and action [B], importance [B, 1], and rates [3] = (learning rate,
 * 1 − beta1ᵗ, 1 − beta2ᵗ) of step t, counted from 1. Changes the weights and their moments `mean.<weight>` and
 * `square.<weight>`. Outputs y, probabilities, weights; `loss` and its parts; per path the sum of squares of its gradients;
 * and the factor `scale` that clips them.
 */
function buildStep(t: ModelBuilder, config: MoeShape): void {
  step(t, config, forward, (weight) => weight.shape?.length ?? 0);
}

/** As the step, on the weights of the sparse forward pass, of which those of the experts have one axis more. */
function buildSparseStep(t: ModelBuilder, config: MoeShape): void {
  const pass = (layers: Layers, x: Tensor): Forward => {
    const passed = sparseForward(layers, x, config);
    const { chosen, renormalise } = config;
    const dense = () => t.topK("router.weights", passed.probabilities, chosen, renormalise);
    return { ...passed, weights: t.within("router", dense) };
  };
  step(t, config, pass, ({ id, shape = [] }) => (isOfRouter(id) ? shape.length : shape.length - 1));
}

function isOfRouter(weight: string): boolean {
  return weight.startsWith("router.");
}

/** The training step around a forward pass; `rank` is how many axes a weight has in one layer. */
function step(
  t: ModelBuilder,
  config: MoeShape,
  pass: (layers: Layers, x: Tensor, config: MoeShape) => Forward,
  rank: (weight: Tensor) => number,
): void {
  const x = t.input("x", ["B", config.inputs]);
  const [outcome, action] = [t.input("outcome", ["B"], "i32"), t.input("action", ["B"], "i32")];
  const importance = t.input("importance", ["B", 1]);
  const rates = t.input("rates", [3]);
  const layers = newLayers(t);
  const passed = pass(layers, x, config);
  const { rows, means } = t.within("loss", () => lossOf(t, passed, { outcome, action, importance }, config));
  const gradients = t.gradients(
    [{ of: rows, gradient: importance }],
    layers.weights,
    (part) => BACKWARD_PARTS[part] ?? part,
  );
  const paths = { router_path: [] as Tensor[], expert_path: [] as Tensor[] };
  for (const [position, gradient] of gradients.entries()) {
    const weight = layers.weights[position];
    if (weight !== undefined) paths[isOfRouter(weight.id) ? "router_path" : "expert_path"].push(gradient);
  }
  const { scale, squares } = t.within("clip", () => clip(t, paths, config.training.maxNorm));
  t.within("update", () => {
    for (const [position, gradient] of gradients.entries()) {
      const weight = layers.weights[position];
      if (weight === undefined) continue;
      const decay = rank(weight) > 1 ? config.training.decay : 0;
      update(t, weight, { gradient, scale, rates }, { ...config.training, decay });
    }
  });
  t.output("y", passed.y);
  t.output("probabilities", passed.probabilities);
  t.output("weights", passed.weights);
  for (const [name, value] of Object.entries(means)) t.output(name, value);
  for (const [path, value] of Object.entries(squares)) t.output(`squares.${path}`, value);
  t.output("scale", scale);
}

/** The loss of each row, [B, 1], and by name what it sums up to, [1]: whole, and of each kind where there are several. */
function lossOf(
  t: ModelBuilder,
  passed: Forward,
  given: { readonly outcome: Tensor; readonly action: Tensor; readonly importance: Tensor },
  config: MoeShape,
): { readonly rows: Tensor; readonly means: Readonly<Record<string, Tensor>> } {
  const losses = rowLosses(t, passed, [given.outcome, given.action], config);
  const mean = (label: string, rows: Tensor): Tensor => t.columnDot(label, given.importance, rows);
  const [first, ...others] = losses;
  if (first === undefined) throw new Error("a step without a loss");
  if (others.length === 0) return { rows: first.rows, means: { loss: mean("loss.mean", first.rows) } };
  const rows = others.reduce((sum, loss) => t.add(`loss.rows.with_${loss.name}`, sum, loss.rows), first.rows);
  const parts = losses.map((loss) => [`loss.${loss.name}`, mean(`loss.mean.${loss.name}`, loss.rows)]);
  return { rows, means: { loss: mean("loss.mean", rows), ...Object.fromEntries(parts) } };
}

/** One loss per row, [B, 1], of each kind that counts. */
function rowLosses(
  t: ModelBuilder,
  { y, logits, probabilities, weights }: Forward,
  [outcome, action]: readonly [Tensor, Tensor],
  { outcomes, chosen, training }: MoeShape,
): readonly { readonly name: string; readonly rows: Tensor }[] {
  const losses = [
    { name: "cross_entropy", rows: t.crossEntropy("loss.rows.cross_entropy", y, outcome, action, outcomes) },
  ];
  if (training.balance > 0) {
    const coefficients = t.balanceCoefficients("loss.balance_coefficients", weights, chosen, training.balance);
    losses.push({ name: "balance", rows: t.linear("loss.rows.balance", probabilities, coefficients) });
  }
  if (training.z > 0) losses.push({ name: "z", rows: t.zLoss("loss.rows.z", logits, training.z) });
  return losses;
}

/** The sum of squares of each path's gradients, [1], and the factor by which the norm of all comes to at most `maxNorm`. */
function clip<Path extends string>(
  t: ModelBuilder,
  paths: Readonly<Record<Path, readonly Tensor[]>>,
  maxNorm: number,
): { readonly scale: Tensor; readonly squares: Readonly<Record<string, Tensor>> } {
  const squares: Record<string, Tensor> = {};
  for (const [path, gradients] of Object.entries<readonly Tensor[]>(paths)) {
    const rows = gradients.map((gradient) => t.rowSquares(`squares.${gradient.id}`, gradient));
    squares[path] = t.total(`squares.${path}`, t.concat(`squares.${path}.rows`, rows));
  }
  const all = Object.values(squares);
  const whole = all.reduce((sum, one) => (sum === one ? sum : t.add("squares.all", sum, one)));
  return { scale: t.clipScale("scale", whole, maxNorm), squares };
}

/** AdamW on one weight; `decay` is 0 for a bias, and for the vectors of LayerNorm. */
function update(
  t: ModelBuilder,
  weight: Tensor,
  given: { readonly gradient: Tensor; readonly scale: Tensor; readonly rates: Tensor },
  { beta1, beta2, epsilon, decay }: MoeTraining,
): void {
  const shape = (weight.shape ?? []).filter((size) => typeof size === "number");
  const zero = { kind: "constant", value: 0 } as const;
  const mean = t.weight(`mean.${weight.id}`, shape, zero);
  const square = t.weight(`square.${weight.id}`, shape, zero);
  t.adamw(`update.${weight.id}`, { weight, mean, square }, given, { beta1, beta2, epsilon, decay });
}

/**
 * Input x [B, inputs]; outputs y [B, outcomes + actions], probabilities [B, E], and the chosen experts of each row in
 * ascending order: ids [K·B] of i32, and gates [B, K].
 */
function buildSparseForward(t: ModelBuilder, config: MoeShape): void {
  const layers = newLayers(t);
  sparseOutputs(t, sparseForward(layers, t.input("x", ["B", config.inputs]), config));
}

function sparseOutputs(t: ModelBuilder, { y, probabilities, ids, gates }: SparseForward): void {
  t.output("y", y);
  t.output("probabilities", probabilities);
  t.output("ids", ids);
  t.output("gates", gates);
}

interface SparseForward extends Omit<Forward, "weights"> {
  readonly ids: Tensor;
  readonly gates: Tensor;
}

function sparseForward(layers: Layers, x: Tensor, config: MoeShape, weightOf: LayerWeight = asStored): SparseForward {
  const { t } = layers;
  const { logits, probabilities, ids, gates } = t.within("router", () => {
    const logits = linear(layers, "router.linear", "router", x, config.inputs, config.experts);
    const probabilities = t.softmax("router.softmax", logits);
    const chosen = t.topKExperts("router.top_k", probabilities, config.chosen);
    const gates = config.renormalise ? t.normaliseRows("router.normalise", chosen.gates) : chosen.gates;
    return { logits, probabilities, ids: chosen.ids, gates };
  });
  const groups = t.within("dispatch", () => t.groupByExpert("dispatch", ids, config.experts));
  const rows = t.within("dispatch", () => t.gatherAssignments("dispatch.rows", x, groups.source, config.chosen));
  const parts = t.within("experts", () => groupedExperts(layers, rows, groups, config, weightOf));
  const y = t.within("combine", () => t.combineRows("combine", gates, parts, groups.position));
  return { y, logits, probabilities, ids, gates };
}

/** The weight of the experts' layer at a place, [E, fanOut, fanIn]. */
type LayerWeight = (layers: Layers, place: number, config: MoeShape, fanOut: number, fanIn: number) => Tensor;

const asStored: LayerWeight = (layers, place, { experts }, fanOut, fanIn) =>
  layers.weight(`experts.${place}.weight`, [experts, fanOut, fanIn], uniform(fanIn));

/** Of a weight that the program gets in panels, as `moe_pack` leaves it. */
const inPanels: LayerWeight = (layers, place, { experts }, fanOut, fanIn) => {
  const panels = [experts, Math.ceil(fanOut / PANEL), fanIn, PANEL];
  const packed = layers.weight(packedName(place), panels, uniform(fanIn));
  return layers.t.unpackPanels(`experts.${place}.weight`, packed, fanOut);
};

/** The rows of a panel of packed weights. */
const PANEL = 32;

const packedName = (place: number): string => `experts.${place}.weight.packed`;

const uniform = (fanIn: number) => ({ kind: "uniform", bound: 1 / Math.sqrt(fanIn) }) as const;

/** What each assignment's expert makes of its row, in the order of the places: [K·B, outcomes + actions]. */
function groupedExperts(layers: Layers, rows: Tensor, groups: Groups, config: MoeShape, weightOf: LayerWeight): Tensor {
  const { t } = layers;
  const { inputs, hidden, depth, outcomes, actions, experts } = config;
  const grouped = (label: string, place: number, value: Tensor, fanIn: number, fanOut: number): Tensor => {
    const w = weightOf(layers, place, config, fanOut, fanIn);
    const bias = layers.weight(`experts.${place}.bias`, [experts, fanOut], uniform(fanIn));
    return t.groupedLinear(label, value, { w, bias }, groups);
  };
  let value = rows;
  for (let i = 0; i <= depth; i++) {
    const sum = grouped(`experts.layer${i}.linear`, 3 * i, value, i === 0 ? inputs : hidden, hidden);
    const gamma = layers.weight(`experts.${3 * i + 1}.weight`, [experts, hidden], { kind: "constant", value: 1 });
    const beta = layers.weight(`experts.${3 * i + 1}.bias`, [experts, hidden], { kind: "constant", value: 0 });
    const normal = t.groupedLayerNorm(`experts.layer${i}.norm`, sum, gamma, beta, groups.expert, config.epsilon);
    value = t.gelu(`experts.layer${i}.gelu`, normal, config.gelu);
  }
  return grouped("experts.output", 3 * (depth + 1), value, hidden, outcomes + actions);
}

/**
 * As the sparse forward pass, bit by bit, from weights of the experts' layers that `moe_pack` has packed once: what every call would
 * otherwise do before it multiplies.
 */
function buildPackedForward(t: ModelBuilder, config: MoeShape): void {
  sparseOutputs(t, sparseForward(newLayers(t), t.input("x", ["B", config.inputs]), config, inPanels));
}

/** Packs the weights of the experts' layers: `experts.0.weight` [E, hidden, inputs] to `experts.0.weight.packed`, and so on. */
function buildPack(t: ModelBuilder, config: MoeShape): void {
  const { inputs, hidden, depth, outcomes, actions } = config;
  const layers = newLayers(t);
  for (let i = 0; i <= depth + 1; i++) {
    const [fanIn, fanOut] = [i === 0 ? inputs : hidden, i > depth ? outcomes + actions : hidden];
    t.output(packedName(3 * i), t.packPanels(`pack.${3 * i}`, asStored(layers, 3 * i, config, fanOut, fanIn)));
  }
}

export const programs = [
  { name: "moe_backward", build: buildBackward },
  { name: "moe_step", build: buildStep },
  { name: "moe_sparse_forward", build: buildSparseForward },
  { name: "moe_sparse_step", build: buildSparseStep },
  { name: "moe_pack", build: buildPack },
  { name: "moe_packed_forward", build: buildPackedForward },
];

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

interface Forward {
  readonly y: Tensor;
  readonly logits: Tensor;
  readonly probabilities: Tensor;
  readonly weights: Tensor;
}

function forward(layers: Layers, x: Tensor, config: MoeShape): Forward {
  const { t } = layers;
  const router = t.within("router", () => {
    const logits = linear(layers, "router.linear", "router", x, config.inputs, config.experts);
    const probabilities = t.softmax("router.softmax", logits);
    const weights = t.topK("router.top_k", probabilities, config.chosen, config.renormalise);
    return { logits, probabilities, weights };
  });
  const outputs = t.within("experts", () => {
    const parts = Array.from({ length: config.experts }, (_, e) => expert(layers, e, x, config));
    return t.stack("experts.outputs", parts);
  });
  return { ...router, y: t.within("combine", () => t.combine("combine", router.weights, outputs)) };
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
