/**
 * The builder of models (`tokitai/model`): from calls in the order of computation to a checked `TensorProgram`.
 *
 * A model file exports `name` and `build(t, config)`, and needs this module for its types only. The first argument of
 * each operation is its label, which also names its result. Every mistake is collected: an operation that is refused
 * yields a tensor that later operations pass over in silence, so that one mistake gives one message.
 * TK254 is a name that is taken, TK255 a malformed name, TK256 a bad dimension, TK257 a program without outputs,
 * TK258 a tensor of another program, TK259 an initial value that is not finite, TK260 a tensor of the wrong elements,
 * TK261 an operation without a derivative, TK262 a gradient of what nothing depends on, TK263 a malformed part, TK264 an
 * update of what is no weight, or a second one.
 */

import { InternalError, ok, type Result, refuse } from "../../support/result.ts";
import { differentiate } from "./differentiate.ts";
import {
  addNode,
  addUpdate,
  addValue,
  checkDims,
  DOTTED_NAME,
  type Draft,
  IDENTIFIER,
  isKnown,
  report,
  type Tensor,
  withinPart,
} from "./draft.ts";
import {
  formatShape,
  type GeluForm,
  type Initial,
  type Op,
  operandsOf,
  type Shape,
  type TensorElement,
  type TensorProgram,
  type ValueId,
} from "./types.ts";

/** What a model file names beside the builder. */
export type { Tensor };

export interface AdamwState {
  readonly weight: Tensor;
  readonly mean: Tensor;
  readonly square: Tensor;
}

export interface AdamwInputs {
  readonly gradient: Tensor;
  readonly scale: Tensor;
  readonly rates: Tensor;
}

export interface AdamwOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly decay: number;
}

/** Assignments sorted by expert, all of i32. */
export interface Groups {
  /** [E+1]: where the group of each expert begins; the last is where all end. */
  readonly offsets: Tensor;
  /** [T]: the place of each assignment. */
  readonly position: Tensor;
  /** [T]: whose each place is. */
  readonly expert: Tensor;
  /** [T]: the assignment at each place. */
  readonly source: Tensor;
}

export interface ModelBuilder {
  /** f32 unless said otherwise. */
  readonly input: (name: string, shape: Shape, element?: TensorElement) => Tensor;
  readonly weight: (name: string, shape: readonly number[], initial: Initial) => Tensor;
  /** x [B, K], w [N, K], bias [N] → [B, N] */
  readonly linear: (label: string, x: Tensor, w: Tensor, bias?: Tensor) => Tensor;
  /** x […, N], bias [N] → […, N] */
  readonly biasAdd: (label: string, x: Tensor, bias: Tensor) => Tensor;
  /** x […, N], gamma [N], beta [N] → […, N] */
  readonly layerNorm: (label: string, x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number) => Tensor;
  readonly gelu: (label: string, x: Tensor, form: GeluForm) => Tensor;
  readonly softmax: (label: string, x: Tensor) => Tensor;
  /** p [B, E] → [B, E], all but the k largest of a row exactly 0 */
  readonly topK: (label: string, p: Tensor, k: number, renormalise: boolean) => Tensor;
  /** E tensors of shape […] → [E, …] */
  readonly stack: (label: string, parts: readonly Tensor[]) => Tensor;
  /** weights [B, E], parts [E, B, N] → [B, N] */
  readonly combine: (label: string, weights: Tensor, parts: Tensor) => Tensor;
  /** x [R, N], source [T] of i32 → [T, N] */
  readonly gatherRows: (label: string, x: Tensor, source: Tensor) => Tensor;
  /** x [T, N], position [T] and its inverse source [T] of i32 → [T, N] */
  readonly scatterRows: (label: string, x: Tensor, position: Tensor, source: Tensor) => Tensor;
  /** x [T, K], w [E, N, K], bias [E, N], offsets [E+1] and expert [T] of i32 → [T, N]; the rows of an expert stand together */
  readonly groupedLinear: (
    label: string,
    x: Tensor,
    layer: { readonly w: Tensor; readonly bias: Tensor },
    groups: { readonly offsets: Tensor; readonly expert: Tensor },
  ) => Tensor;
  /** w [E, N, K] → [E, ⌈N/32⌉, K, 32], as packed products read it; without a gradient, as `unpackPanels` */
  readonly packPanels: (label: string, w: Tensor) => Tensor;
  /** w [E, P, K, 32] → [E, columns, K]; in front of `groupedLinear` it is a product of packed weights, and no copy is made */
  readonly unpackPanels: (label: string, w: Tensor, columns: number) => Tensor;
  /** x [T, N], gamma and beta [E, N], expert [T] of i32 → [T, N] */
  readonly groupedLayerNorm: (
    label: string,
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    expert: Tensor,
    epsilon: number,
  ) => Tensor;
  /** gates [B, K], parts [T, N], position [T] of i32, with T = B·K → [B, N] */
  readonly combineRows: (label: string, gates: Tensor, parts: Tensor, position: Tensor) => Tensor;
  /** p [B, E] → ids [k·B] of i32 and gates [B, k]: the k largest of each row in ascending order, as a list */
  readonly topKExperts: (label: string, p: Tensor, k: number) => { readonly ids: Tensor; readonly gates: Tensor };
  /** x […, N] → x divided by the sum of its row */
  readonly normaliseRows: (label: string, x: Tensor) => Tensor;
  /** ids [T] of i32 → the assignments sorted by expert, in their order within each group; see `Groups` */
  readonly groupByExpert: (label: string, ids: Tensor, experts: number) => Groups;
  /** x [R, N], source [k·R] of i32 → [k·R, N]: the row that each assignment is of */
  readonly gatherAssignments: (label: string, x: Tensor, source: Tensor, k: number) => Tensor;
  /** Vectors of integer sizes → one after another; a matter of layout */
  readonly concat: (label: string, parts: readonly Tensor[]) => Tensor;
  /** x [P, …] → […]: the part of a stacked tensor at an index; a matter of layout */
  readonly part: (label: string, x: Tensor, index: number) => Tensor;
  /** x, y of one shape of rank 2 → their sum */
  readonly add: (label: string, x: Tensor, y: Tensor) => Tensor;
  /**
   * x [B, N], first and second [B] of i32 → [B, 1]: the cross-entropy of two heads, the second of which begins at column
   * `split`
   */
  readonly crossEntropy: (label: string, x: Tensor, first: Tensor, second: Tensor, split: number) => Tensor;
  /** x [B, N] → [B, 1]: beta·(log Σ exp(x))² */
  readonly zLoss: (label: string, x: Tensor, beta: number) => Tensor;
  /** w [B, E] → [1, E]: alpha·E times the share of the B·k assignments that each expert has; without a gradient */
  readonly balanceCoefficients: (label: string, w: Tensor, k: number, alpha: number) => Tensor;
  /** x, y [B, N] → [N]: Σ over the rows of their product */
  readonly columnDot: (label: string, x: Tensor, y: Tensor) => Tensor;
  /** x [R, C] → [R], x [C] → [1]: the sum of squares of each row */
  readonly rowSquares: (label: string, x: Tensor) => Tensor;
  /** x [N] → [1] */
  readonly total: (label: string, x: Tensor) => Tensor;
  /** squares [1] → [1]: what brings a gradient whose squares have this sum to a norm of at most `maxNorm` */
  readonly clipScale: (label: string, squares: Tensor, maxNorm: number) => Tensor;
  /**
   * One step of AdamW: updates a weight and its two moments, all of the gradient's shape; scale [1], rates [3] = (learning
   * rate, 1 − beta1ᵗ, 1 − beta2ᵗ) in step t, counted from 1.
   */
  readonly adamw: (label: string, state: AdamwState, given: AdamwInputs, options: AdamwOptions) => void;
  /** When the program ends, the weight holds the value. */
  readonly update: (weight: Tensor, value: Tensor) => void;
  /** What `make` builds belongs to the named part of the program, a C identifier; parts do not nest. */
  readonly within: <R>(part: string, make: () => R) => R;
  /**
   * The gradients with respect to `wanted`, given the gradients with respect to some values: one per wanted value, of its
   * shape. The gradient of what a part computes belongs to the part that `partOf` names.
   */
  readonly gradients: (
    seeds: readonly { readonly of: Tensor; readonly gradient: Tensor }[],
    wanted: readonly Tensor[],
    partOf: (part: string) => string,
  ) => readonly Tensor[];
  /** The name is an identifier, or several joined by dots. */
  readonly output: (name: string, value: Tensor) => void;
}

/** What a model file exports; `C` is the model's own configuration. */
export interface ModelModule<C> {
  /** The program's name, a C identifier: `moe_forward` gives the entry point `tok_moe_forward`. */
  readonly name: string;
  readonly build: (t: ModelBuilder, config: C) => void;
  /** Further programs over the same weights. */
  readonly programs?: readonly ModelModule<C>[];
}

/** Runs `define` and returns the program, or all mistakes in it. */
export function tensorProgram(name: string, define: (t: ModelBuilder) => void): Result<TensorProgram> {
  const draft: Draft = {
    name,
    inputs: [],
    weights: [],
    nodes: [],
    outputs: [],
    updates: [],
    names: new Set(),
    made: new Set(),
    dims: new Set(),
    diagnostics: [],
    part: undefined,
  };
  if (!IDENTIFIER.test(name)) report(draft, "TK255", `"${name}" is no name for a program`, "use a C identifier");
  define(builderOf(draft));
  if (draft.outputs.length + draft.updates.length === 0 && draft.diagnostics.length === 0) {
    report(draft, "TK257", "has no outputs", 'name one with t.output("y", y)');
  }
  // A value may live where the caller wants an output: one name must not stand for two places.
  for (const { name: output, value } of draft.outputs) {
    if (!draft.names.has(output) || output === value) continue;
    report(draft, "TK254", `the output ${output} has the name of another value`, "call one of them otherwise");
  }
  if (draft.diagnostics.length > 0) return refuse(...draft.diagnostics);
  const { inputs, weights, nodes, outputs, updates } = draft;
  return ok(Object.freeze({ name, dims: [...draft.dims], inputs, weights, nodes, outputs, updates }));
}

/** The program of a model file under a configuration. */
export function buildModel<C>(model: ModelModule<C>, config: C): Result<TensorProgram> {
  return tensorProgram(model.name, (t) => model.build(t, config));
}

function builderOf(draft: Draft): ModelBuilder {
  const apply = (op: Op, operands: readonly Tensor[]): Tensor => addNode(draft, op, operands);
  return {
    input: (name, shape, element = "f32") => {
      const tensor = addValue(draft, name, checkDims(draft, name, shape), element);
      if (tensor.shape) draft.inputs.push({ name: tensor.id, shape: tensor.shape, element });
      return tensor;
    },
    weight: (name, shape, initial) => {
      const tensor = addValue(draft, name, checkDims(draft, name, shape));
      const size = initial.kind === "uniform" ? initial.bound : initial.value;
      if (!Number.isFinite(size)) report(draft, "TK259", `${name} starts from ${size}, expected a finite number`);
      draft.weights.push({ name: tensor.id, shape, initial });
      return tensor;
    },
    linear: (label, x, w, bias) => {
      const fields = { kind: "linear", label, x: x.id, w: w.id } as const;
      return bias ? apply({ ...fields, bias: bias.id }, [x, w, bias]) : apply(fields, [x, w]);
    },
    biasAdd: (label, x, bias) => apply({ kind: "bias-add", label, x: x.id, bias: bias.id }, [x, bias]),
    layerNorm: (label, x, gamma, beta, epsilon) =>
      apply({ kind: "layer-norm", label, x: x.id, gamma: gamma.id, beta: beta.id, epsilon }, [x, gamma, beta]),
    gelu: (label, x, form) => apply({ kind: "gelu", label, x: x.id, form }, [x]),
    softmax: (label, x) => apply({ kind: "softmax", label, x: x.id }, [x]),
    topK: (label, p, k, renormalise) => apply({ kind: "top-k", label, p: p.id, k, renormalise }, [p]),
    stack: (label, parts) => apply({ kind: "stack", label, parts: parts.map(({ id }) => id) }, parts),
    combine: (label, weights, parts) =>
      apply({ kind: "combine", label, weights: weights.id, parts: parts.id }, [weights, parts]),
    gatherRows: (label, x, source) => apply({ kind: "gather-rows", label, x: x.id, source: source.id }, [x, source]),
    scatterRows: (label, x, position, source) =>
      apply({ kind: "scatter-rows", label, x: x.id, position: position.id, source: source.id }, [x, position, source]),
    groupedLinear: (label, x, { w, bias }, { offsets, expert }) => {
      const ids = { x: x.id, w: w.id, bias: bias.id, offsets: offsets.id, expert: expert.id };
      return apply({ kind: "grouped-linear", label, ...ids }, [x, w, bias, offsets, expert]);
    },
    packPanels: (label, w) => apply({ kind: "pack-panels", label, w: w.id }, [w]),
    unpackPanels: (label, w, columns) => apply({ kind: "unpack-panels", label, w: w.id, columns }, [w]),
    groupedLayerNorm: (label, x, gamma, beta, expert, epsilon) => {
      const ids = { x: x.id, gamma: gamma.id, beta: beta.id, expert: expert.id };
      return apply({ kind: "grouped-layer-norm", label, ...ids, epsilon }, [x, gamma, beta, expert]);
    },
    combineRows: (label, gates, parts, position) => {
      const ids = { gates: gates.id, parts: parts.id, position: position.id };
      return apply({ kind: "combine-rows", label, ...ids }, [gates, parts, position]);
    },
    topKExperts: (label, p, k) => ({
      ids: apply({ kind: "top-k-experts", label: `${label}.ids`, p: p.id, k }, [p]),
      gates: apply({ kind: "top-k-gates", label: `${label}.gates`, p: p.id, k }, [p]),
    }),
    normaliseRows: (label, x) => apply({ kind: "normalise-rows", label, x: x.id }, [x]),
    groupByExpert: (label, ids, experts) => addGroups(draft, label, ids, experts),
    gatherAssignments: (label, x, source, k) =>
      apply({ kind: "gather-assignments", label, x: x.id, source: source.id, k }, [x, source]),
    concat: (label, parts) => apply({ kind: "concat", label, parts: parts.map(({ id }) => id) }, parts),
    part: (label, x, index) => apply({ kind: "part", label, x: x.id, index }, [x]),
    add: (label, x, y) => apply({ kind: "add", label, x: x.id, y: y.id }, [x, y]),
    crossEntropy: (label, x, first, second, split) => {
      const ids = { x: x.id, first: first.id, second: second.id };
      return apply({ kind: "cross-entropy", label, ...ids, split }, [x, first, second]);
    },
    zLoss: (label, x, beta) => apply({ kind: "z-loss", label, x: x.id, beta }, [x]),
    balanceCoefficients: (label, w, k, alpha) => apply({ kind: "balance-coefficients", label, w: w.id, k, alpha }, [w]),
    columnDot: (label, x, y) => apply({ kind: "column-dot", label, x: x.id, y: y.id }, [x, y]),
    rowSquares: (label, x) => apply({ kind: "row-squares", label, x: x.id }, [x]),
    total: (label, x) => apply({ kind: "total", label, x: x.id }, [x]),
    clipScale: (label, squares, maxNorm) =>
      apply({ kind: "clip-scale", label, squares: squares.id, maxNorm }, [squares]),
    adamw: (label, state, given, options) => addAdamw(draft, label, state, given, options),
    update: (weight, value) => addUpdate(draft, weight, value),
    within: (part, make) => {
      if (!IDENTIFIER.test(part)) report(draft, "TK263", `"${part}" is no name for a part`, "use a C identifier");
      return withinPart(draft, part, make);
    },
    gradients: (seeds, wanted, partOf) => addGradients(draft, seeds, wanted, partOf),
    output: (name, value) => {
      if (!DOTTED_NAME.test(name)) {
        report(draft, "TK255", `"${name}" is no name for an output`, "use C identifiers joined by dots");
      }
      if (draft.outputs.some((output) => output.name === name)) {
        report(draft, "TK254", `the output ${name} is given twice`);
      }
      if (isKnown(draft, name, value) && value.shape) {
        draft.outputs.push({ name, value: value.id, shape: value.shape, element: value.element });
      }
    },
  };
}

function addGradients(
  draft: Draft,
  seeds: readonly { readonly of: Tensor; readonly gradient: Tensor }[],
  wanted: readonly Tensor[],
  partOf: (part: string) => string,
): readonly Tensor[] {
  const tensors = new Map([...draft.made].map((tensor) => [tensor.id, tensor]));
  const known = (id: ValueId): Tensor => {
    const tensor = tensors.get(id);
    if (tensor === undefined) throw new InternalError(`no value ${id}`);
    return tensor;
  };
  for (const { of, gradient } of seeds) {
    if (!isKnown(draft, "gradients", of) || !isKnown(draft, "gradients", gradient)) return wanted;
    const [expected, actual] = [of, gradient].map(({ shape }) => formatShape(shape ?? []));
    if (of.shape === undefined || gradient.shape === undefined || expected === actual) continue;
    report(draft, "TK251", `the gradient ${gradient.id} has shape ${actual}, expected ${expected}, that of ${of.id}`);
  }
  const found = differentiate(
    {
      nodes: draft.nodes,
      make: (op) => {
        const made = addNode(draft, op, operandsOf(op).map(known));
        tensors.set(made.id, made);
        return made.id;
      },
      shapeOf: (value) => known(value).shape,
      within: (part, make) => withinPart(draft, part, make),
      refuse: (label, why) => report(draft, "TK261", `${label} cannot be differentiated: ${why}`),
    },
    seeds.map(({ of, gradient }) => ({ of: of.id, gradient: gradient.id })),
    wanted.map(({ id }) => id),
    partOf,
  );
  return found.map((id, position) => {
    const value = wanted[position];
    if (id !== undefined) return known(id);
    if (value === undefined) throw new InternalError("a gradient of nothing");
    if (draft.diagnostics.length === 0) report(draft, "TK262", `no gradient is given of what depends on ${value.id}`);
    return value;
  });
}

function addGroups(draft: Draft, label: string, ids: Tensor, experts: number): Groups {
  const named = (part: string): string => `${label}.${part}`;
  const countsOp = { kind: "expert-counts", label: named("counts"), ids: ids.id, experts } as const;
  const counts = addNode(draft, countsOp, [ids]);
  const offsetsOp = { kind: "expert-offsets", label: named("offsets"), ids: ids.id, counts: counts.id } as const;
  const offsets = addNode(draft, offsetsOp, [ids, counts]);
  const sorted = { ids: ids.id, offsets: offsets.id };
  const position = addNode(draft, { kind: "token-positions", label: named("position"), ...sorted }, [ids, offsets]);
  const expert = addNode(draft, { kind: "slot-experts", label: named("expert"), ...sorted }, [ids, offsets]);
  const sourceOp = { kind: "token-sources", label: named("source"), ...sorted, expert: expert.id } as const;
  const source = addNode(draft, sourceOp, [ids, offsets, expert]);
  return { offsets, position, expert, source };
}

/** The three operations that the claim `adamw` is of, in its order. */
function addAdamw(
  draft: Draft,
  label: string,
  { weight, mean, square }: AdamwState,
  { gradient, scale, rates }: AdamwInputs,
  { beta1, beta2, epsilon, decay }: AdamwOptions,
): void {
  const scaled = { gradient: gradient.id, scale: scale.id };
  const meanOp = { kind: "adamw-mean", label: `${label}.mean`, mean: mean.id, ...scaled, beta1 } as const;
  const newMean = addNode(draft, meanOp, [mean, gradient, scale]);
  const squareOp = { kind: "adamw-square", label: `${label}.square`, square: square.id, ...scaled, beta2 } as const;
  const newSquare = addNode(draft, squareOp, [square, gradient, scale]);
  const ids = { weight: weight.id, mean: newMean.id, square: newSquare.id, rates: rates.id };
  const weightOp = { kind: "adamw-weight", label: `${label}.weight`, ...ids, epsilon, decay } as const;
  const newWeight = addNode(draft, weightOp, [weight, newMean, newSquare, rates]);
  addUpdate(draft, mean, newMean);
  addUpdate(draft, square, newSquare);
  addUpdate(draft, weight, newWeight);
}
