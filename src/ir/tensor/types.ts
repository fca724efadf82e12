/**
 * Tensor IR: a model as a straight-line program over tensors of f32, with index tensors of i32 among them.
 *
 *   Program ::= name dims input… weight… node… output… update…
 *   Input   ::= name : Shape [i32]
 *   Weight  ::= name : Shape = Initial
 *   Node    ::= id : Shape = Op
 *   Output  ::= name = id
 *   Update  ::= weight := id
 *   Shape   ::= [Dim, …]              Dim ::= integer | [integer *] name [+ integer]
 *   Op      ::= linear(x, w, bias?) | bias-add(x, bias) | layer-norm(x, gamma, beta; epsilon) | gelu(x; form)
 *             | softmax(x) | top-k(p; k, renormalise) | stack(part, …) | concat(part, …) | combine(weights, parts)
 *             | gather-rows(x, source) | scatter-rows(x, position, source) | combine-rows(gates, parts, position)
 *             | grouped-linear(x, w, bias, offsets, expert) | grouped-layer-norm(x, gamma, beta, expert; epsilon)
 *             | top-k-experts(p; k) | top-k-gates(p; k) | normalise-rows(x) | part(x; index) | clip-scale(squares; max_norm)
 *             | expert-counts(ids; experts) | expert-offsets(ids, counts) | token-positions(ids, offsets)
 *             | slot-experts(ids, offsets) | token-sources(ids, offsets, expert) | gather-assignments(x, source; k)
 *             | adamw-mean(mean, gradient, scale; beta1) | adamw-square(square, gradient, scale; beta2)
 *             | adamw-weight(weight, mean, square, rates; epsilon, decay) | row-squares(x) | total(x) | add(x, y)
 *             | pack-panels(w) | unpack-panels(w; columns)
 *             | a derivative of one of these: matmul-nn … combine-dweights, grouped-matmul-nn …
 *
 * What the terms mean:
 * - Nodes stand in the order in which they run; each value (input, weight or node) has one name and is made once.
 * - An update says that a weight holds the value when the program ends: the one way in which a program changes what it is
 *   given. Operations that read the weight read what it held before.
 * - A dimension that is a name, such as the batch `B`, is known only at launch; all others are integers.
 * - Fusion is not part of this IR: it belongs to the lowering.
 *
 * A pass over operations is a table `{ readonly [K in OpKind]: Rule<K> }`, so that a missing rule is a type error.
 * Programs are made by `model.ts` and by passes that check every node with `shapeOf`.
 */

import type { DispatchFields } from "./dispatch-ops.ts";
import type { GroupedFields } from "./grouped-ops.ts";
import type { PanelFields } from "./panel-ops.ts";
import type { PrecisionFields } from "./precision-ops.ts";

declare const valueName: unique symbol;

/** The name of an input, a weight or a node's result; unique within a program. */
export type ValueId = string & { readonly [valueName]: true };

export function valueId(name: string): ValueId {
  return name as ValueId;
}

/** A size ≥ 0, the name of a size that is known at launch, or what `dim.ts` computes from one: `2*B`, `E+1`. */
export type Dim = number | string;

/** Outermost axis first; row-major, no padding. */
export type Shape = readonly Dim[];

/** What a tensor's elements are; `i32` holds row numbers, or integers that decide a rounding. */
export type TensorElement = "f32" | "f16" | "i32";

/** `erf`: x·Φ(x). `tanh`: the approximation of Hendrycks and Gimpel (2016). */
export type GeluForm = "erf" | "tanh";

/** What each operation takes besides its `kind` and `label`. */
export interface OpFields extends DispatchFields, GroupedFields, PanelFields, PrecisionFields {
  /** y[b,n] = Σₖ x[b,k]·w[n,k] + bias[n] */
  readonly linear: { readonly x: ValueId; readonly w: ValueId; readonly bias?: ValueId };
  /** y[…,n] = x[…,n] + bias[n] */
  readonly "bias-add": { readonly x: ValueId; readonly bias: ValueId };
  /** y = (x − mean)/√(variance + epsilon)·gamma + beta, over the last axis, with the variance of the population. */
  readonly "layer-norm": {
    readonly x: ValueId;
    readonly gamma: ValueId;
    readonly beta: ValueId;
    readonly epsilon: number;
  };
  /** `erf`: y = x/2·(1 + erf(x/√2)). `tanh`: y = x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). */
  readonly gelu: { readonly x: ValueId; readonly form: GeluForm };
  /** y = exp(x − max)/Σ exp(x − max), over the last axis. */
  readonly softmax: { readonly x: ValueId };
  /**
   * w[b,e] = p[b,e] where rank(e) < k, exactly 0 elsewhere; rank(e) = number of j with p_j > p_e, or p_j = p_e and j < e.
   * A comparison with NaN is false: NaN has rank 0, so it is chosen and comes out, and it displaces no other entry.
   * `renormalise` divides the chosen entries by their sum.
   */
  readonly "top-k": { readonly p: ValueId; readonly k: number; readonly renormalise: boolean };
  /** y[e,…] = parts[e][…]: a matter of layout, not of arithmetic. */
  readonly stack: { readonly parts: readonly ValueId[] };
  /** y = parts[0], then parts[1], …: vectors one after another; a matter of layout as well. */
  readonly concat: { readonly parts: readonly ValueId[] };
  /** y[b,n] = Σ weights[b,e]·parts[e,b,n] over the e with weights[b,e] ≠ 0, in ascending order: 0·∞ does not appear. */
  readonly combine: { readonly weights: ValueId; readonly parts: ValueId };
  /** y[t,n] = x[source[t],n], with 0 ≤ source[t] < the rows of x. */
  readonly "gather-rows": { readonly x: ValueId; readonly source: ValueId };
  /** y[position[t],n] = x[t,n], where `position` is a permutation of the rows and `source` its inverse. */
  readonly "scatter-rows": { readonly x: ValueId; readonly position: ValueId; readonly source: ValueId };
  /**
   * y[p,n] = Σₖ x[p,k]·w[expert[p],n,k] + bias[expert[p],n], where the rows of expert e are those from offsets[e] to below
   * offsets[e+1].
   */
  readonly "grouped-linear": {
    readonly x: ValueId;
    readonly w: ValueId;
    readonly bias: ValueId;
    readonly offsets: ValueId;
    readonly expert: ValueId;
  };
  /** Layer norm of each row p under gamma[expert[p]] and beta[expert[p]], with 0 ≤ expert[p] < the rows of gamma. */
  readonly "grouped-layer-norm": {
    readonly x: ValueId;
    readonly gamma: ValueId;
    readonly beta: ValueId;
    readonly expert: ValueId;
    readonly epsilon: number;
  };
  /**
   * y[b,n] = Σ gates[b,s]·parts[position[b·K+s],n] over the s with gates[b,s] ≠ 0, in ascending order, where gates is
   * [B, K] and parts has B·K rows.
   */
  readonly "combine-rows": { readonly gates: ValueId; readonly parts: ValueId; readonly position: ValueId };
  /** mean′ = beta1·mean + (1 − beta1)·g, where g = gradient·scale[0] in this operation and the next. */
  readonly "adamw-mean": {
    readonly mean: ValueId;
    readonly gradient: ValueId;
    readonly scale: ValueId;
    readonly beta1: number;
  };
  /** square′ = beta2·square + (1 − beta2)·g² */
  readonly "adamw-square": {
    readonly square: ValueId;
    readonly gradient: ValueId;
    readonly scale: ValueId;
    readonly beta2: number;
  };
  /**
   * weight′ = weight − rate·((mean/c₁)/(√(square/c₂) + epsilon) + decay·weight), where rates = (rate, c₁, c₂). In step t,
   * counted from 1, c₁ = 1 − beta1ᵗ and c₂ = 1 − beta2ᵗ correct the moments' start from 0. The decay is decoupled from the
   * moments (Loshchilov and Hutter, 2019).
   */
  readonly "adamw-weight": {
    readonly weight: ValueId;
    readonly mean: ValueId;
    readonly square: ValueId;
    readonly rates: ValueId;
    readonly epsilon: number;
    readonly decay: number;
  };
  /** y[r] = Σ x[r,c]², over the last axis; a row is numbered by all axes before it. */
  readonly "row-squares": { readonly x: ValueId };
  /** y[0] = Σ x[n] */
  readonly total: { readonly x: ValueId };
  /**
   * scale[0] = max_norm/√squares[0] where √squares[0] > max_norm, else 1: min(1, max_norm/√squares[0]), and 1 for 0. By it
   * the gradients of the whole model, whose squares have this sum, come to a norm of max_norm at most.
   */
  readonly "clip-scale": { readonly squares: ValueId; readonly maxNorm: number };
  /** y[…] = x[index,…]: like `stack`, a matter of layout. */
  readonly part: { readonly x: ValueId; readonly index: number };
  /** z = x + y */
  readonly add: { readonly x: ValueId; readonly y: ValueId };
  /** y[b,k] = Σₙ x[b,n]·w[n,k] */
  readonly "matmul-nn": { readonly x: ValueId; readonly w: ValueId };
  /** z[n,k] = Σ_b x[b,n]·y[b,k] */
  readonly "matmul-tn": { readonly x: ValueId; readonly y: ValueId };
  /** y[n] = Σ_b x[b,n] */
  readonly "column-sum": { readonly x: ValueId };
  /** z[n] = Σ_b x[b,n]·y[b,n] */
  readonly "column-dot": { readonly x: ValueId; readonly y: ValueId };
  /** y = (x − mean)/√(variance + epsilon), over the last axis, with the variance of the population. */
  readonly standardise: { readonly x: ValueId; readonly epsilon: number };
  /**
   * dx of layer-norm: with x̂ = standardise(x), σ = √(variance + epsilon) and g = dy·gamma,
   * dx = (g − mean(g) − x̂·mean(g·x̂))/σ, over the last axis.
   */
  readonly "layer-norm-dx": {
    readonly x: ValueId;
    readonly gamma: ValueId;
    readonly dy: ValueId;
    readonly epsilon: number;
  };
  /**
   * dx of gelu. `erf`: dx = dy·(1/2·(1 + erf(z)) + z·exp(−z²)/√π), z = x/√2. `tanh`: with t = tanh(√(2/π)·(x + 0.044715·x³)),
   * dx = dy·(1/2·(1 + t) + x/2·(1 − t²)·√(2/π)·(1 + 3·0.044715·x²)).
   */
  readonly "gelu-dx": { readonly x: ValueId; readonly dy: ValueId; readonly form: GeluForm };
  /** dx of softmax from its result p: dx = p·(dp − Σ p·dp), over the last axis. */
  readonly "softmax-dx": { readonly p: ValueId; readonly dp: ValueId };
  /**
   * dp of top-k from its result w, at a choice that does not change. The chosen entries are those with w ≠ 0: dp = dw
   * there, 0 elsewhere. Renormalised, where `p` is given: dp = (dw − Σ dw·w)/Σ p, both sums over the chosen.
   */
  readonly "top-k-dp": { readonly w: ValueId; readonly dw: ValueId; readonly p?: ValueId };
  /**
   * loss[b,0] = lse(x[b,:split]) − x[b,first[b]] + lse(x[b,split:]) − x[b,split + second[b]], where lse(z) = log Σ exp(zₙ):
   * the cross-entropy of two heads whose logits stand side by side, with 0 < split < N, 0 ≤ first[b] < split and
   * 0 ≤ second[b] < N − split.
   */
  readonly "cross-entropy": {
    readonly x: ValueId;
    readonly first: ValueId;
    readonly second: ValueId;
    readonly split: number;
  };
  /** dx of cross-entropy: dx[b,n] = dloss[b,0]·(softmax of n's head − 1 at the label of n's head). */
  readonly "cross-entropy-dx": {
    readonly x: ValueId;
    readonly first: ValueId;
    readonly second: ValueId;
    readonly dloss: ValueId;
    readonly split: number;
  };
  /** loss[b,0] = beta·lse(x[b,:])²: it keeps the router's logits small (Zoph et al., "ST-MoE", 2022, equation 5). */
  readonly "z-loss": { readonly x: ValueId; readonly beta: number };
  /** dx of z-loss: dx[b,n] = dloss[b,0]·2·beta·lse(x[b,:])·softmax(x[b,:])[n]. */
  readonly "z-loss-dx": { readonly x: ValueId; readonly dloss: ValueId; readonly beta: number };
  /**
   * y[0,e] = alpha·E·fₑ, where fₑ = (number of rows with w[b,e] ≠ 0)/(k·B) is the share of the B·k assignments that go to
   * expert e, and 0 where there are no rows. The mean over the rows of Σₑ y[0,e]·p[b,e] is the load-balancing loss (Fedus, Zoph and Shazeer, "Switch
   * Transformers", 2022, equation 4). It counts, and so it has no derivative.
   */
  readonly "balance-coefficients": { readonly w: ValueId; readonly k: number; readonly alpha: number };
  /** dparts of combine: y[e,b,n] = weights[b,e]·dy[b,n] where weights[b,e] ≠ 0, and 0 elsewhere: 0·∞ does not appear. */
  readonly "combine-dparts": { readonly weights: ValueId; readonly dy: ValueId };
  /** dweights of combine: y[b,e] = Σₙ dy[b,n]·parts[e,b,n] where weights[b,e] ≠ 0, and 0 elsewhere. */
  readonly "combine-dweights": { readonly weights: ValueId; readonly parts: ValueId; readonly dy: ValueId };
}

export type OpKind = keyof OpFields;

/** The union of all operations; `Op<K>` is the operation of kind K. `label` says where in the model it comes from. */
export type Op<K extends OpKind = OpKind> = {
  [P in K]: { readonly kind: P; readonly label: string } & OpFields[P];
}[K];

export interface Node {
  readonly id: ValueId;
  readonly op: Op;
  readonly shape: Shape;
  /** The named part of the program that the node belongs to, such as `expert path`; the parts of a plan come from it. */
  readonly part?: string;
}

export interface ProgramInput {
  readonly name: ValueId;
  readonly shape: Shape;
  readonly element: TensorElement;
}

/** Where training starts: independent values in [−bound, bound], or one value for all elements. */
export type Initial =
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "constant"; readonly value: number };

/** A parameter of the model. Its shape has no names, so that its bytes do not depend on a launch. */
export interface ProgramWeight {
  readonly name: ValueId;
  readonly shape: readonly number[];
  readonly initial: Initial;
}

export interface ProgramOutput {
  readonly name: string;
  readonly value: ValueId;
  readonly shape: Shape;
  readonly element: TensorElement;
}

export interface ProgramUpdate {
  /** A weight of the program. */
  readonly weight: ValueId;
  /** Of the weight's shape. */
  readonly value: ValueId;
}

export interface TensorProgram {
  /** A C identifier, such as `moe_forward`. */
  readonly name: string;
  /** The names among the dimensions, in the order of their first appearance. */
  readonly dims: readonly string[];
  readonly inputs: readonly ProgramInput[];
  readonly weights: readonly ProgramWeight[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly ProgramOutput[];
  readonly updates: readonly ProgramUpdate[];
}

const OPERANDS: { readonly [K in OpKind]: (op: Op<K>) => readonly ValueId[] } = {
  linear: (op) => (op.bias === undefined ? [op.x, op.w] : [op.x, op.w, op.bias]),
  "bias-add": (op) => [op.x, op.bias],
  "layer-norm": (op) => [op.x, op.gamma, op.beta],
  gelu: (op) => [op.x],
  softmax: (op) => [op.x],
  "top-k": (op) => [op.p],
  stack: (op) => op.parts,
  concat: (op) => op.parts,
  combine: (op) => [op.weights, op.parts],
  "gather-rows": (op) => [op.x, op.source],
  "scatter-rows": (op) => [op.x, op.position, op.source],
  "grouped-linear": (op) => [op.x, op.w, op.bias, op.offsets, op.expert],
  "grouped-layer-norm": (op) => [op.x, op.gamma, op.beta, op.expert],
  "combine-rows": (op) => [op.gates, op.parts, op.position],
  "top-k-experts": (op) => [op.p],
  "top-k-gates": (op) => [op.p],
  "normalise-rows": (op) => [op.x],
  "expert-counts": (op) => [op.ids],
  "expert-offsets": (op) => [op.ids, op.counts],
  "token-positions": (op) => [op.ids, op.offsets],
  "slot-experts": (op) => [op.ids, op.offsets],
  "token-sources": (op) => [op.ids, op.offsets, op.expert],
  "gather-assignments": (op) => [op.x, op.source],
  "adamw-mean": (op) => [op.mean, op.gradient, op.scale],
  "adamw-square": (op) => [op.square, op.gradient, op.scale],
  "adamw-weight": (op) => [op.weight, op.mean, op.square, op.rates],
  "row-squares": (op) => [op.x],
  total: (op) => [op.x],
  "clip-scale": (op) => [op.squares],
  "round-half": (op) => [op.x],
  "round-half-by-chance": (op) => [op.x, op.random],
  choose: (op) => [op.condition, op.x, op.otherwise],
  "loss-scale-factor": (op) => [op.squares, op.state],
  "loss-scale-state": (op) => [op.squares, op.state],
  part: (op) => [op.x],
  add: (op) => [op.x, op.y],
  "matmul-nn": (op) => [op.x, op.w],
  "matmul-tn": (op) => [op.x, op.y],
  "column-sum": (op) => [op.x],
  "column-dot": (op) => [op.x, op.y],
  standardise: (op) => [op.x],
  "layer-norm-dx": (op) => [op.x, op.gamma, op.dy],
  "gelu-dx": (op) => [op.x, op.dy],
  "softmax-dx": (op) => [op.p, op.dp],
  "top-k-dp": (op) => (op.p === undefined ? [op.w, op.dw] : [op.w, op.dw, op.p]),
  "cross-entropy": (op) => [op.x, op.first, op.second],
  "cross-entropy-dx": (op) => [op.x, op.dloss, op.first, op.second],
  "z-loss": (op) => [op.x],
  "z-loss-dx": (op) => [op.x, op.dloss],
  "balance-coefficients": (op) => [op.w],
  "combine-dparts": (op) => [op.weights, op.dy],
  "combine-dweights": (op) => [op.weights, op.parts, op.dy],
  "grouped-matmul-nn": (op) => [op.x, op.w, op.offsets, op.expert],
  "grouped-matmul-tn": (op) => [op.x, op.y, op.offsets],
  "grouped-column-sum": (op) => [op.x, op.offsets],
  "grouped-column-dot": (op) => [op.x, op.y, op.offsets],
  "grouped-layer-norm-dx": (op) => [op.x, op.gamma, op.dy, op.expert],
  "combine-rows-dparts": (op) => [op.gates, op.dy, op.source],
  "combine-rows-dgates": (op) => [op.gates, op.parts, op.dy, op.position],
  "top-k-gates-dp": (op) => [op.dgates, op.ids],
  "normalise-rows-dx": (op) => [op.x, op.y, op.dy],
  "pack-panels": (op) => [op.w],
  "unpack-panels": (op) => [op.w],
};

/** The tensors that an operation reads, in the order in which every rule takes them. */
export function operandsOf<K extends OpKind>(op: Op<K>): readonly ValueId[] {
  return OPERANDS[op.kind](op);
}

/** `[B, 96]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
