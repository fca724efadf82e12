/**
 * The reference evaluator: a tensor program, or one claim of a kernel, in float64 with a rigorous bound on how far an
 * f32 evaluation of the same operations, in any order of summation, may lie from it.
 *
 * Inputs and weights are taken as exact: they are the f32 values that the kernels get. Errors of each operation are
 * carried into the next. A row of which the bound cannot say what its top-k chooses is listed in `uncertainRows`; its
 * bound holds too, but is as wide as the choice. Compare with `agrees` of `error-model.ts`.
 */

import { InternalError } from "../../support/result.ts";
import { evaluateBy } from "./bounded-number.ts";
import type { ClaimAttributes, OperationSignature } from "./claim-signature.ts";
import { OPERATION_SIGNATURES, type OperationClaim } from "./claims.ts";
import { DEFINITIONS } from "./derivatives.ts";
import { sizeOfDim } from "./dim.ts";
import { DISPATCH_DEFINITIONS } from "./dispatch.ts";
import { type Bounded, elementCount } from "./error-model.ts";
import {
  evaluateAdamwMean,
  evaluateAdamwSquare,
  evaluateAdamwWeight,
  evaluateClipScale,
  evaluateLossScaleState,
} from "./evaluate-adamw.ts";
import { evaluateTopKExperts, evaluateTopKGates } from "./evaluate-dispatch.ts";
import {
  evaluateConcat,
  evaluateGather,
  evaluateGelu,
  evaluatePart,
  evaluateScatter,
  evaluateStack,
} from "./evaluate-elements.ts";
import { evaluateCombineRows, evaluateGroupedLayerNorm, evaluateGroupedLinear } from "./evaluate-grouped.ts";
import { evaluateLayerNorm } from "./evaluate-layer-norm.ts";
import { evaluateRoundHalf, evaluateRoundHalfByChance } from "./evaluate-rounding.ts";
import { evaluateSoftmax } from "./evaluate-softmax.ts";
import {
  evaluateBiasAdd,
  evaluateCombine,
  evaluateLinear,
  evaluateRowSquares,
  evaluateTotal,
} from "./evaluate-sums.ts";
import { evaluateTopK } from "./evaluate-top-k.ts";
import { GROUPED_DEFINITIONS } from "./grouped.ts";
import { LOSS_DEFINITIONS } from "./losses.ts";
import { operandElement } from "./operand-elements.ts";
import { PANEL_REFERENCE } from "./panels.ts";
import { PRECISION_DEFINITIONS } from "./precision.ts";
import type { Rule } from "./rule.ts";
import { shapeOf } from "./shapes.ts";
import {
  formatShape,
  type Op,
  type OpKind,
  operandsOf,
  type Shape,
  type TensorProgram,
  type ValueId,
} from "./types.ts";

const RULES: { readonly [K in OpKind]: Rule<K> } = {
  linear: evaluateLinear,
  "bias-add": evaluateBiasAdd,
  "layer-norm": evaluateLayerNorm,
  gelu: evaluateGelu,
  softmax: evaluateSoftmax,
  "top-k": evaluateTopK,
  stack: evaluateStack,
  concat: evaluateConcat,
  combine: evaluateCombine,
  "gather-rows": evaluateGather,
  "scatter-rows": evaluateScatter,
  "grouped-linear": evaluateGroupedLinear,
  "grouped-layer-norm": evaluateGroupedLayerNorm,
  "combine-rows": evaluateCombineRows,
  "top-k-experts": evaluateTopKExperts,
  "top-k-gates": evaluateTopKGates,
  "normalise-rows": evaluateBy(DISPATCH_DEFINITIONS["normalise-rows"]),
  "expert-counts": evaluateBy(DISPATCH_DEFINITIONS["expert-counts"]),
  "expert-offsets": evaluateBy(DISPATCH_DEFINITIONS["expert-offsets"]),
  "token-positions": evaluateBy(DISPATCH_DEFINITIONS["token-positions"]),
  "slot-experts": evaluateBy(DISPATCH_DEFINITIONS["slot-experts"]),
  "token-sources": evaluateBy(DISPATCH_DEFINITIONS["token-sources"]),
  "gather-assignments": evaluateBy(DISPATCH_DEFINITIONS["gather-assignments"]),
  "adamw-mean": evaluateAdamwMean,
  "adamw-square": evaluateAdamwSquare,
  "adamw-weight": evaluateAdamwWeight,
  "row-squares": evaluateRowSquares,
  total: evaluateTotal,
  "clip-scale": evaluateClipScale,
  "round-half": evaluateRoundHalf,
  "round-half-by-chance": evaluateRoundHalfByChance,
  choose: evaluateBy(PRECISION_DEFINITIONS.choose),
  "loss-scale-factor": evaluateBy(PRECISION_DEFINITIONS["loss-scale-factor"]),
  "loss-scale-state": evaluateLossScaleState,
  part: evaluatePart,
  add: evaluateBy(DEFINITIONS.add),
  "cross-entropy": evaluateBy(LOSS_DEFINITIONS["cross-entropy"]),
  "cross-entropy-dx": evaluateBy(LOSS_DEFINITIONS["cross-entropy-dx"]),
  "z-loss": evaluateBy(LOSS_DEFINITIONS["z-loss"]),
  "z-loss-dx": evaluateBy(LOSS_DEFINITIONS["z-loss-dx"]),
  "balance-coefficients": evaluateBy(LOSS_DEFINITIONS["balance-coefficients"]),
  "matmul-nn": evaluateBy(DEFINITIONS["matmul-nn"]),
  "matmul-tn": evaluateBy(DEFINITIONS["matmul-tn"]),
  "column-sum": evaluateBy(DEFINITIONS["column-sum"]),
  "column-dot": evaluateBy(DEFINITIONS["column-dot"]),
  standardise: evaluateBy(DEFINITIONS.standardise),
  "layer-norm-dx": evaluateBy(DEFINITIONS["layer-norm-dx"]),
  "gelu-dx": evaluateBy(DEFINITIONS["gelu-dx"]),
  "softmax-dx": evaluateBy(DEFINITIONS["softmax-dx"]),
  "top-k-dp": evaluateBy(DEFINITIONS["top-k-dp"]),
  "combine-dparts": evaluateBy(DEFINITIONS["combine-dparts"]),
  "combine-dweights": evaluateBy(DEFINITIONS["combine-dweights"]),
  "grouped-matmul-nn": evaluateBy(GROUPED_DEFINITIONS["grouped-matmul-nn"]),
  "grouped-matmul-tn": evaluateBy(GROUPED_DEFINITIONS["grouped-matmul-tn"]),
  "grouped-column-sum": evaluateBy(GROUPED_DEFINITIONS["grouped-column-sum"]),
  "grouped-column-dot": evaluateBy(GROUPED_DEFINITIONS["grouped-column-dot"]),
  "grouped-layer-norm-dx": evaluateBy(GROUPED_DEFINITIONS["grouped-layer-norm-dx"]),
  "combine-rows-dparts": evaluateBy(GROUPED_DEFINITIONS["combine-rows-dparts"]),
  "combine-rows-dgates": evaluateBy(GROUPED_DEFINITIONS["combine-rows-dgates"]),
  "top-k-gates-dp": evaluateBy(GROUPED_DEFINITIONS["top-k-gates-dp"]),
  "normalise-rows-dx": evaluateBy(GROUPED_DEFINITIONS["normalise-rows-dx"]),
  ...PANEL_REFERENCE,
};

export interface EvaluatedTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
  /** One per element; what ∞ and NaN mean is said in `error-model.ts`. */
  readonly bound: Float64Array;
}

export interface Evaluation {
  /** By the name of the output. */
  readonly outputs: ReadonlyMap<string, EvaluatedTensor>;
  /** Ascending: the rows (batch indices) of which some top-k's choice is not certain in f32. */
  readonly uncertainRows: readonly number[];
}

export interface ProgramEvaluation extends Evaluation {
  /** What the program leaves in the weights that it updates, by the weight's name. */
  readonly updates: ReadonlyMap<string, EvaluatedTensor>;
}

export interface DenseTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array | Float32Array;
}

/**
 * Evaluates a program. `dims` gives each symbolic dimension a size, `tensors` each input and weight its values, row-major.
 * The caller has checked the user's data: what is missing or of a wrong length is an `InternalError`.
 */
export function evaluateProgram(
  program: TensorProgram,
  dims: Readonly<Record<string, number>>,
  tensors: ReadonlyMap<string, Float64Array | Float32Array>,
): ProgramEvaluation {
  const lastUse = lastUses(program);
  const uncertainRows = new Set<number>();
  const values = new Map<ValueId, Bounded>();
  for (const { name, shape } of [...program.inputs, ...program.weights]) {
    const data = tensors.get(name);
    if (data === undefined) throw new InternalError(`no values for ${name}`);
    values.set(name, exact(name, bindShape(shape, dims), data));
  }
  for (const [position, { id, op }] of program.nodes.entries()) {
    values.set(id, evaluateOp(op, values, uncertainRows));
    for (const used of operandsOf(op)) if (lastUse.get(used) === position) values.delete(used);
  }
  return {
    outputs: new Map(program.outputs.map(({ name, value }) => [name, evaluated(lookUp(values, value))])),
    updates: new Map(program.updates.map(({ weight, value }) => [weight, evaluated(lookUp(values, value))])),
    uncertainRows: ascending(uncertainRows),
  };
}

/**
 * Evaluates what a kernel claims in `computes`: `inputs` in the order of its signature, taken as exact. Outputs go by
 * the names of the signature.
 */
export function evaluateOperation(
  claim: OperationClaim,
  inputs: readonly DenseTensor[],
  attributes: ClaimAttributes = {},
): Evaluation {
  const signature: OperationSignature = OPERATION_SIGNATURES[claim];
  if (inputs.length !== signature.inputs.length) {
    throw new InternalError(`${claim} takes ${signature.inputs.length} tensors, not ${inputs.length}`);
  }
  for (const name of signature.attributes) {
    if (attributes[name] === undefined) throw new InternalError(`${claim} without ${name}`);
  }
  const values = new Map<string, Bounded>();
  for (const [i, { name }] of signature.inputs.entries()) {
    const input = inputs[i];
    if (input !== undefined) values.set(name, exact(`${claim}: ${name}`, input.shape, input.values));
  }
  const uncertainRows = new Set<number>();
  for (const { id, op } of signature.steps(attributes)) values.set(id, evaluateOp(op, values, uncertainRows));
  return {
    outputs: new Map(signature.outputs.map(({ name }) => [name, evaluated(lookUp(values, name))])),
    uncertainRows: ascending(uncertainRows),
  };
}

function evaluateOp<K extends OpKind>(
  op: Op<K>,
  values: ReadonlyMap<string, Bounded>,
  uncertainRows: Set<number>,
): Bounded {
  const operands = operandsOf(op).map((id) => lookUp(values, id));
  const shape = shapeOf(
    op,
    operands.map((tensor) => tensor.shape),
  );
  if (!shape.ok) throw new InternalError(shape.diagnostics.map(({ message }) => message).join("; "));
  const result = RULES[op.kind](op, operands, uncertainRows);
  const placedBy = placedAfter(op, operands);
  return placedBy.size === 0 ? result : { ...result, placedBy };
}

/** The uncertain choices by which the elements of a result are placed: those of what it reads, and those it reads itself. */
function placedAfter<K extends OpKind>(op: Op<K>, operands: readonly Bounded[]): ReadonlySet<Bounded> {
  const placing = operands.map((read, position): ReadonlySet<Bounded> => {
    const isChoice = operandElement(op, position) === "i32" && read.bound?.includes(Number.POSITIVE_INFINITY) === true;
    return new Set([...(read.placedBy ?? []), ...(isChoice ? [read] : [])]);
  });
  if (op.kind === "combine-rows") {
    // By the positions of the one choice that has placed its parts, each row finds its own, wherever they are.
    const [gates, parts, position] = placing;
    const [placed, ...others] = parts ?? [];
    if (gates?.size === 0 && placed !== undefined && others.length === 0) {
      if (position?.size === 1 && position.has(placed)) return new Set();
    }
  }
  return new Set(placing.flatMap((choices) => [...choices]));
}

/** For each value, the position of the last node that reads it; outputs and updates are never dropped. */
function lastUses(program: TensorProgram): ReadonlyMap<ValueId, number> {
  const last = new Map<ValueId, number>();
  for (const [position, { op }] of program.nodes.entries()) for (const id of operandsOf(op)) last.set(id, position);
  for (const { value } of [...program.outputs, ...program.updates]) last.delete(value);
  return last;
}

function lookUp<Name extends string>(values: ReadonlyMap<Name, Bounded>, name: Name): Bounded {
  const value = values.get(name);
  if (value === undefined) throw new InternalError(`no value ${name}`);
  return value;
}

function exact(name: string, shape: readonly number[], values: Float64Array | Float32Array): Bounded {
  if (values.length !== elementCount(shape)) {
    throw new InternalError(`${name} has ${values.length} elements, its shape is ${formatShape(shape)}`);
  }
  return { shape, values: values instanceof Float64Array ? values : new Float64Array(values), bound: undefined };
}

function bindShape(shape: Shape, dims: Readonly<Record<string, number>>): readonly number[] {
  return shape.map((dim) => {
    const size = sizeOfDim(dim, dims);
    if (size === undefined || !Number.isSafeInteger(size) || size < 0) {
      throw new InternalError(`dimension ${dim} is ${size}`);
    }
    return size;
  });
}

/** Of an element nothing is promised where another may stand in its place. */
function evaluated({ shape, values, bound, placedBy }: Bounded): EvaluatedTensor {
  if (placedBy !== undefined) return { shape, values, bound: values.map(() => Number.POSITIVE_INFINITY) };
  return { shape, values, bound: bound ?? new Float64Array(values.length) };
}

function ascending(rows: ReadonlySet<number>): readonly number[] {
  return [...rows].sort((a, b) => a - b);
}
