/**
 * Definitions: what each operation of the tensor IR means over the reals, as expressions over its operands.
 *
 * These are the formulas of `OpFields`, element by element, written without regard to how a kernel might compute them.
 * Constants are the f32 that a kernel's literal would be: 1/√2 and √(2/π) are no rationals.
 */

import {
  byRow,
  type Definition,
  type Elements,
  elementAt,
  matrixOf,
  operandAt,
  range,
} from "../../ir/tensor/arithmetic.ts";
import {
  attributeOf,
  type ClaimAttributes,
  type FloatAttribute,
  type IntegerAttribute,
} from "../../ir/tensor/claim-signature.ts";
import { OPERATION_SIGNATURES, type OperationClaim } from "../../ir/tensor/claims.ts";
import { DEFINITIONS } from "../../ir/tensor/derivatives.ts";
import { DISPATCH_DEFINITIONS } from "../../ir/tensor/dispatch.ts";
import { GROUPED_DEFINITIONS } from "../../ir/tensor/grouped.ts";
import { LOSS_DEFINITIONS } from "../../ir/tensor/losses.ts";
import { PANEL_DEFINITIONS } from "../../ir/tensor/panels.ts";
import { PRECISION_DEFINITIONS } from "../../ir/tensor/precision.ts";
import { shapeOf } from "../../ir/tensor/shapes.ts";
import { type GeluForm, type Op, type OpKind, operandsOf } from "../../ir/tensor/types.ts";
import { InternalError } from "../../support/result.ts";
import { amongLargest, chosenByRow } from "./define-top-k.ts";
import { NotDefined, realArithmetic, rowNumber, total } from "./real-arithmetic.ts";
import type { Real, Reals } from "./reals.ts";

/** Row-major. */
export type RealTensor = Elements<Real>;

/** Scalars as the operation takes them: floats as expressions, integers as the launch has them. */
export type RealAttributes = Readonly<Partial<Record<FloatAttribute, Real>>> &
  Readonly<Partial<Record<IntegerAttribute, number>>>;

/** The operands do not fit the operation at these sizes. */
export class ShapeMismatch extends Error {}

interface Context {
  readonly reals: Reals;
  readonly attributes: RealAttributes;
}

type Rule<K extends OpKind> = (op: Op<K>, operands: readonly RealTensor[], context: Context) => RealTensor;

const RULES: { readonly [K in OpKind]: Rule<K> } = {
  linear: (op, operands, { reals }) => {
    const [x, w] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const bias = op.bias === undefined ? undefined : operandAt(op, operands, 2);
    const [rows = 0, depth = 0] = x.shape;
    const [columns = 0] = w.shape;
    return matrixOf([rows, columns], (b, n) => {
      const products = range(depth).map((k) =>
        reals.multiply(elementAt(x, b * depth + k), elementAt(w, n * depth + k)),
      );
      return bias === undefined ? total(reals, products) : total(reals, [...products, elementAt(bias, n)]);
    });
  },
  "bias-add": (op, operands, { reals }) => {
    const [x, bias] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const width = x.shape.at(-1) ?? 0;
    return { shape: x.shape, elements: x.elements.map((value, i) => reals.add(value, elementAt(bias, i % width))) };
  },
  "layer-norm": (op, operands, { reals, attributes }) => {
    const [x, gamma, beta] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const epsilon = attributes.epsilon ?? reals.double(Math.fround(op.epsilon));
    return byRow(x, (row) => {
      const count = reals.constant(row.length);
      const mean = reals.divide(total(reals, row), count);
      const centred = row.map((value) => reals.subtract(value, mean));
      const squares = centred.map((value) => reals.multiply(value, value));
      const variance = reals.divide(total(reals, squares), count);
      const deviation = reals.call("sqrt", reals.add(variance, epsilon));
      return centred.map((value, n) =>
        reals.add(reals.multiply(reals.divide(value, deviation), elementAt(gamma, n)), elementAt(beta, n)),
      );
    });
  },
  gelu: (op, operands, { reals }) => {
    const x = operandAt(op, operands, 0);
    return { shape: x.shape, elements: x.elements.map((value) => gelu(reals, op.form, value)) };
  },
  softmax: (op, operands, { reals }) =>
    byRow(operandAt(op, operands, 0), (row) => {
      const [first] = row;
      if (first === undefined) return [];
      const largest = row.reduce((most, value) => reals.max(most, value), first);
      const powers = row.map((value) => reals.call("exp", reals.subtract(value, largest)));
      const sum = total(reals, powers);
      return powers.map((value) => reals.divide(value, sum));
    }),
  "top-k": (op, operands, { reals, attributes }) =>
    byRow(operandAt(op, operands, 0), (row) => {
      const chosen = amongLargest(reals, row, attributes.k ?? op.k);
      const keep = (values: readonly Real[]): readonly Real[] =>
        chosen.map((condition, e) => reals.select(condition, values[e] ?? reals.zero, reals.zero));
      const kept = keep(row);
      if (!op.renormalise) return kept;
      const sum = total(reals, kept);
      return keep(row.map((value) => reals.divide(value, sum)));
    }),
  stack: (_op, operands) => {
    const [first] = operands;
    return {
      shape: [operands.length, ...(first?.shape ?? [])],
      elements: operands.flatMap(({ elements }) => elements),
    };
  },
  concat: (_op, operands) => {
    const elements = operands.flatMap((part) => part.elements);
    return { shape: [elements.length], elements };
  },
  combine: (op, operands, { reals }) => {
    const [weights, parts] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [experts = 0, rows = 0, columns = 0] = parts.shape;
    return matrixOf([rows, columns], (b, n) =>
      range(experts).reduce((sum, e) => {
        const weight = elementAt(weights, b * experts + e);
        const part = elementAt(parts, (e * rows + b) * columns + n);
        const chosen = reals.not(reals.isZero(weight));
        return reals.select(chosen, reals.add(sum, reals.multiply(weight, part)), sum);
      }, reals.zero),
    );
  },
  "gather-rows": (op, operands, { reals }) => {
    const [x, source] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [rows = 0, width = 0] = x.shape;
    return matrixOf([source.elements.length, width], (t, n) => elementAt(x, rowAt(reals, source, t, rows) * width + n));
  },
  "grouped-linear": (op, operands, { reals }) => {
    const [x, w, bias] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const expert = operandAt(op, operands, 4);
    const [rows = 0, depth = 0] = x.shape;
    const [experts = 0, columns = 0] = w.shape;
    return matrixOf([rows, columns], (p, n) => {
      const row = rowAt(reals, expert, p, experts) * columns + n;
      const products = range(depth).map((k) =>
        reals.multiply(elementAt(x, p * depth + k), elementAt(w, row * depth + k)),
      );
      return total(reals, [...products, elementAt(bias, row)]);
    });
  },
  "grouped-layer-norm": (op, operands, context) => {
    const [x, gamma, beta] = [operandAt(op, operands, 0), operandAt(op, operands, 1), operandAt(op, operands, 2)];
    const expert = operandAt(op, operands, 3);
    const [rows = 0, width = 0] = x.shape;
    const [experts = 0] = gamma.shape;
    const rowOf = ({ elements }: RealTensor, row: number, shape: readonly number[]): RealTensor => ({
      shape,
      elements: elements.slice(row * width, (row + 1) * width),
    });
    const elements = range(rows).flatMap((p) => {
      const e = rowAt(context.reals, expert, p, experts);
      const own = [rowOf(x, p, [1, width]), rowOf(gamma, e, [width]), rowOf(beta, e, [width])];
      return RULES["layer-norm"]({ ...op, kind: "layer-norm" }, own, context).elements;
    });
    return { shape: x.shape, elements };
  },
  "combine-rows": (op, operands, { reals }) => {
    const [gates, parts] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const position = operandAt(op, operands, 2);
    const [rows = 0, choices = 0] = gates.shape;
    const [places = 0, columns = 0] = parts.shape;
    return matrixOf([rows, columns], (b, n) =>
      range(choices).reduce((sum, s) => {
        const gate = elementAt(gates, b * choices + s);
        const part = elementAt(parts, rowAt(reals, position, b * choices + s, places) * columns + n);
        const chosen = reals.not(reals.isZero(gate));
        return reals.select(chosen, reals.add(sum, reals.multiply(gate, part)), sum);
      }, reals.zero),
    );
  },
  "scatter-rows": (op, operands, { reals }) => {
    const [x, position] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [rows = 0, width = 0] = x.shape;
    const from = new Map(range(rows).map((t) => [rowAt(reals, position, t, rows), t]));
    return matrixOf([rows, width], (row, n) => {
      const t = from.get(row);
      if (t === undefined) throw new NotDefined("the positions are no permutation");
      return elementAt(x, t * width + n);
    });
  },
  "top-k-experts": (op, operands, { reals, attributes }) => {
    const rows = chosenByRow(reals, operandAt(op, operands, 0), attributes.k ?? op.k);
    const elements = rows.flat().map(({ expert }) => expert);
    return { shape: [elements.length], elements };
  },
  "top-k-gates": (op, operands, { reals, attributes }) => {
    const k = attributes.k ?? op.k;
    const rows = chosenByRow(reals, operandAt(op, operands, 0), k);
    return { shape: [rows.length, k], elements: rows.flat().map(({ gate }) => gate) };
  },
  "normalise-rows": defined(DISPATCH_DEFINITIONS["normalise-rows"]),
  "expert-counts": defined(DISPATCH_DEFINITIONS["expert-counts"]),
  "expert-offsets": defined(DISPATCH_DEFINITIONS["expert-offsets"]),
  "token-positions": defined(DISPATCH_DEFINITIONS["token-positions"]),
  "slot-experts": defined(DISPATCH_DEFINITIONS["slot-experts"]),
  "token-sources": defined(DISPATCH_DEFINITIONS["token-sources"]),
  "gather-assignments": defined(DISPATCH_DEFINITIONS["gather-assignments"]),
  "adamw-mean": (op, operands, { reals, attributes }) => {
    const beta = attributes.beta1 ?? reals.double(Math.fround(op.beta1));
    return movingAverage(reals, beta, operandAt(op, operands, 0), scaled(reals, op, operands));
  },
  "adamw-square": (op, operands, { reals, attributes }) => {
    const beta = attributes.beta2 ?? reals.double(Math.fround(op.beta2));
    const squares = scaled(reals, op, operands).map((g) => reals.multiply(g, g));
    return movingAverage(reals, beta, operandAt(op, operands, 0), squares);
  },
  "adamw-weight": (op, operands, { reals, attributes }) => {
    const [weight, mean] = [operandAt(op, operands, 0), operandAt(op, operands, 1)];
    const [square, rates] = [operandAt(op, operands, 2), operandAt(op, operands, 3)];
    const epsilon = attributes.epsilon ?? reals.double(Math.fround(op.epsilon));
    const decay = attributes.decay ?? reals.double(Math.fround(op.decay));
    const elements = weight.elements.map((w, i) => {
      const deviation = reals.call("sqrt", reals.divide(elementAt(square, i), elementAt(rates, 2)));
      const direction = reals.divide(
        reals.divide(elementAt(mean, i), elementAt(rates, 1)),
        reals.add(deviation, epsilon),
      );
      const step = reals.add(direction, reals.multiply(decay, w));
      return reals.subtract(w, reals.multiply(elementAt(rates, 0), step));
    });
    return { shape: weight.shape, elements };
  },
  "row-squares": (op, operands, { reals }) => {
    const x = operandAt(op, operands, 0);
    const width = x.shape.at(-1) ?? 0;
    const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const squares = x.elements.map((value) => reals.multiply(value, value));
    return { shape: [rows], elements: range(rows).map((r) => total(reals, squares.slice(r * width, (r + 1) * width))) };
  },
  total: (op, operands, { reals }) => ({ shape: [1], elements: [total(reals, operandAt(op, operands, 0).elements)] }),
  "clip-scale": (op, operands, { reals, attributes }) => {
    const most = attributes.max_norm ?? reals.double(Math.fround(op.maxNorm));
    const norm = reals.call("sqrt", elementAt(operandAt(op, operands, 0), 0));
    const isLarger = reals.positive(reals.subtract(norm, most));
    return { shape: [1], elements: [reals.select(isLarger, reals.divide(most, norm), reals.one)] };
  },
  "round-half": defined(PRECISION_DEFINITIONS["round-half"]),
  "round-half-by-chance": defined(PRECISION_DEFINITIONS["round-half-by-chance"]),
  choose: defined(PRECISION_DEFINITIONS.choose),
  "loss-scale-factor": defined(PRECISION_DEFINITIONS["loss-scale-factor"]),
  "loss-scale-state": defined(PRECISION_DEFINITIONS["loss-scale-state"]),
  part: (op, operands) => {
    const x = operandAt(op, operands, 0);
    const [, ...shape] = x.shape;
    const size = shape.reduce((product, extent) => product * extent, 1);
    return { shape, elements: x.elements.slice(op.index * size, (op.index + 1) * size) };
  },
  add: defined(DEFINITIONS.add),
  "cross-entropy": defined(LOSS_DEFINITIONS["cross-entropy"]),
  "cross-entropy-dx": defined(LOSS_DEFINITIONS["cross-entropy-dx"]),
  "z-loss": defined(LOSS_DEFINITIONS["z-loss"]),
  "z-loss-dx": defined(LOSS_DEFINITIONS["z-loss-dx"]),
  "balance-coefficients": defined(LOSS_DEFINITIONS["balance-coefficients"]),
  "matmul-nn": defined(DEFINITIONS["matmul-nn"]),
  "matmul-tn": defined(DEFINITIONS["matmul-tn"]),
  "column-sum": defined(DEFINITIONS["column-sum"]),
  "column-dot": defined(DEFINITIONS["column-dot"]),
  standardise: defined(DEFINITIONS.standardise),
  "layer-norm-dx": defined(DEFINITIONS["layer-norm-dx"]),
  "gelu-dx": defined(DEFINITIONS["gelu-dx"]),
  "softmax-dx": defined(DEFINITIONS["softmax-dx"]),
  "top-k-dp": defined(DEFINITIONS["top-k-dp"]),
  "combine-dparts": defined(DEFINITIONS["combine-dparts"]),
  "combine-dweights": defined(DEFINITIONS["combine-dweights"]),
  "grouped-matmul-nn": defined(GROUPED_DEFINITIONS["grouped-matmul-nn"]),
  "grouped-matmul-tn": defined(GROUPED_DEFINITIONS["grouped-matmul-tn"]),
  "grouped-column-sum": defined(GROUPED_DEFINITIONS["grouped-column-sum"]),
  "grouped-column-dot": defined(GROUPED_DEFINITIONS["grouped-column-dot"]),
  "grouped-layer-norm-dx": defined(GROUPED_DEFINITIONS["grouped-layer-norm-dx"]),
  "combine-rows-dparts": defined(GROUPED_DEFINITIONS["combine-rows-dparts"]),
  "combine-rows-dgates": defined(GROUPED_DEFINITIONS["combine-rows-dgates"]),
  "top-k-gates-dp": defined(GROUPED_DEFINITIONS["top-k-gates-dp"]),
  "normalise-rows-dx": defined(GROUPED_DEFINITIONS["normalise-rows-dx"]),
  "pack-panels": defined(PANEL_DEFINITIONS["pack-panels"]),
  "unpack-panels": defined(PANEL_DEFINITIONS["unpack-panels"]),
};

/** The rule of an operation whose definition is written in any arithmetic. */
function defined<K extends OpKind>(define: Definition<K>): Rule<K> {
  return (op, operands, { reals, attributes }) =>
    define(op, operands, {
      arithmetic: realArithmetic(reals),
      real: (name) => attributes[name] ?? reals.double(Math.fround(attributeOf(op, name) ?? Number.NaN)),
      integer: (name) => attributes[name] ?? attributeOf(op, name) ?? Number.NaN,
    });
}

/**
 * What a claim's outputs hold, by the names of its signature; `inputs` in the order of the signature. Throws
 * `ShapeMismatch` or `NotDefined`.
 */
export function defineClaim(
  reals: Reals,
  claim: OperationClaim,
  inputs: readonly RealTensor[],
  attributes: RealAttributes,
): ReadonlyMap<string, RealTensor> {
  const signature = OPERATION_SIGNATURES[claim];
  const values = new Map<string, RealTensor>();
  for (const [position, { name }] of signature.inputs.entries()) {
    const input = inputs[position];
    if (input === undefined) throw new InternalError(`${claim} without ${name}`);
    values.set(name, input);
  }
  // The rules take floats as expressions; any valid numbers will do here.
  const floats = { epsilon: 1, beta1: 0, beta2: 0, decay: 0, max_norm: 1, interval: 1, alpha: 1, beta: 1 };
  const { k, split, experts, stream, columns } = attributes;
  const given: ClaimAttributes = {
    ...floats,
    ...(k !== undefined && { k }),
    ...(split !== undefined && { split }),
    ...(experts !== undefined && { experts }),
    ...(stream !== undefined && { stream }),
    ...(columns !== undefined && { columns }),
  };
  for (const { id, op } of signature.steps(given)) values.set(id, apply({ reals, attributes }, op, values));
  return values;
}

function apply<K extends OpKind>(context: Context, op: Op<K>, values: ReadonlyMap<string, RealTensor>): RealTensor {
  const operands = operandsOf(op).map((id) => {
    const value = values.get(id);
    if (value === undefined) throw new InternalError(`no value ${id}`);
    return value;
  });
  const shape = shapeOf(
    op,
    operands.map((tensor) => tensor.shape),
  );
  if (!shape.ok) {
    const messages = shape.diagnostics.map(({ message }) => message).join("; ");
    // TK252 is an attribute out of range: the operation means nothing there.
    const meaningless = shape.diagnostics.every(({ code }) => code === "TK252");
    throw meaningless ? new NotDefined(messages) : new ShapeMismatch(messages);
  }
  return RULES[op.kind](op, operands, context);
}

function gelu(reals: Reals, form: GeluForm, x: Real): Real {
  const half = reals.multiply(reals.double(0.5), x);
  const constant = (value: number): Real => reals.double(Math.fround(value));
  switch (form) {
    case "erf":
      return reals.multiply(half, reals.add(reals.one, reals.call("erf", reals.multiply(x, constant(Math.SQRT1_2)))));
    case "tanh": {
      const cube = reals.multiply(reals.multiply(x, x), x);
      const inner = reals.add(x, reals.multiply(constant(0.044715), cube));
      const argument = reals.multiply(constant(Math.sqrt(2 / Math.PI)), inner);
      return reals.multiply(half, reals.add(reals.one, reals.call("tanh", argument)));
    }
    default:
      form satisfies never;
      throw new InternalError(`unknown form of GELU ${String(form)}`);
  }
}

/** The gradient of AdamW's moments: operand 1 times the one element of operand 2. */
function scaled(reals: Reals, op: Op, operands: readonly RealTensor[]): readonly Real[] {
  const factor = elementAt(operandAt(op, operands, 2), 0);
  return operandAt(op, operands, 1).elements.map((gradient) => reals.multiply(gradient, factor));
}

/** beta·before + (1 − beta)·value */
function movingAverage(reals: Reals, beta: Real, before: RealTensor, values: readonly Real[]): RealTensor {
  const share = reals.subtract(reals.one, beta);
  const elements = values.map((value, i) =>
    reals.add(reals.multiply(beta, elementAt(before, i)), reals.multiply(share, value)),
  );
  return { shape: before.shape, elements };
}

/** A row number that the launch has given. */
function rowAt(reals: Reals, indices: RealTensor, t: number, rows: number): number {
  return rowNumber(reals, elementAt(indices, t), rows);
}
