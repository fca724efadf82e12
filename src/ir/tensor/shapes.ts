/**
 * Shape contracts: from an operation and the shapes of its operands to the shape of its result, or to diagnostics.
 *
 * Two dimensions agree when they are the same integer or the same name. A name agrees with no integer: that a launch
 * might bind them alike is no proof. TK250 is a wrong rank, TK251 a size that disagrees, TK252 an attribute out of
 * range, TK253 a wrong number of operands.
 */

import { ok, type Result, refuse } from "../../support/result.ts";
import { nextDim, scaledDim } from "./dim.ts";
import { expectAssignments, GROUPED_RULES } from "./grouped-shapes.ts";
import { PANEL_RULES } from "./panel-shapes.ts";
import {
  expectChoices,
  expectCoefficient,
  expectColumn,
  expectDim,
  expectEpsilon,
  expectHeads,
  expectRank,
  expectSame,
  expectVector,
  type Findings,
  known,
  lastDim,
  NO_SHAPE,
  report,
  type ShapeRule,
} from "./shape-checks.ts";
import type { Op, OpKind, Shape } from "./types.ts";
import { UPDATE_RULES } from "./update-shapes.ts";

const RULES: { readonly [K in OpKind]: ShapeRule<K> } = {
  linear: (_op, [x = NO_SHAPE, w = NO_SHAPE, bias], found) => {
    const [rows, features] = expectRank(found, "x", x, 2);
    const [outputs, weightFeatures] = expectRank(found, "w", w, 2);
    expectDim(found, "w", 1, weightFeatures, features, "axis 1 of x");
    if (bias !== undefined) expectVector(found, "bias", bias, outputs, "axis 0 of w");
    return known(rows, outputs);
  },
  "bias-add": (_op, [x = NO_SHAPE, bias = NO_SHAPE], found) => {
    expectVector(found, "bias", bias, lastDim(found, "x", x), "the last axis of x");
    return x;
  },
  "layer-norm": (op, [x = NO_SHAPE, gamma = NO_SHAPE, beta = NO_SHAPE], found) => {
    const width = lastDim(found, "x", x);
    expectVector(found, "gamma", gamma, width, "the last axis of x");
    expectVector(found, "beta", beta, width, "the last axis of x");
    expectEpsilon(found, op.epsilon);
    return x;
  },
  gelu: (_op, [x = NO_SHAPE]) => x,
  softmax: (_op, [x = NO_SHAPE], found) => {
    lastDim(found, "x", x);
    return x;
  },
  "top-k": (op, [p = NO_SHAPE], found) => {
    const [, choices] = expectRank(found, "p", p, 2);
    expectChoices(found, op.k, choices, "p");
    return p;
  },
  stack: (_op, parts, found) => {
    const [first, ...rest] = parts;
    if (first === undefined) {
      report(found, "TK253", "has no parts, expected at least one");
      return NO_SHAPE;
    }
    for (const [i, part] of rest.entries()) {
      const name = `part ${i + 1}`;
      for (const [axis, dim] of expectRank(found, name, part, first.length).entries()) {
        expectDim(found, name, axis, dim, first[axis], `axis ${axis} of part 0`);
      }
    }
    return [parts.length, ...first];
  },
  concat: (_op, parts, found) => {
    if (parts.length === 0) report(found, "TK253", "has no parts, expected at least one");
    let length = 0;
    for (const [i, part] of parts.entries()) {
      const [size] = expectRank(found, `part ${i}`, part, 1);
      if (typeof size === "number") length += size;
      else if (size !== undefined) report(found, "TK251", `part ${i} has size ${size}, expected an integer`);
    }
    return [length];
  },
  combine: (_op, [weights = NO_SHAPE, parts = NO_SHAPE], found) => {
    const [rows, experts] = expectRank(found, "weights", weights, 2);
    const [partExperts, partRows, width] = expectRank(found, "parts", parts, 3);
    expectDim(found, "parts", 0, partExperts, experts, "axis 1 of weights");
    expectDim(found, "parts", 1, partRows, rows, "axis 0 of weights");
    return known(rows, width);
  },
  "gather-rows": (_op, [x = NO_SHAPE, source = NO_SHAPE], found) => {
    const [, width] = expectRank(found, "x", x, 2);
    const [rows] = expectRank(found, "source", source, 1);
    return known(rows, width);
  },
  "scatter-rows": (_op, [x = NO_SHAPE, position = NO_SHAPE, source = NO_SHAPE], found) => {
    const [rows] = expectRank(found, "x", x, 2);
    expectVector(found, "position", position, rows, "axis 0 of x");
    expectVector(found, "source", source, rows, "axis 0 of x");
    return x;
  },
  "grouped-linear": (
    _op,
    [x = NO_SHAPE, w = NO_SHAPE, bias = NO_SHAPE, offsets = NO_SHAPE, expert = NO_SHAPE],
    found,
  ) => {
    const [rows, features] = expectRank(found, "x", x, 2);
    const [experts, outputs, weightFeatures] = expectRank(found, "w", w, 3);
    const [biases, biasOutputs] = expectRank(found, "bias", bias, 2);
    expectDim(found, "w", 2, weightFeatures, features, "axis 1 of x");
    expectDim(found, "bias", 0, biases, experts, "axis 0 of w");
    expectDim(found, "bias", 1, biasOutputs, outputs, "axis 1 of w");
    const ends = experts === undefined ? undefined : nextDim(experts);
    expectVector(found, "offsets", offsets, ends, "axis 0 of w and one more");
    expectVector(found, "expert", expert, rows, "axis 0 of x");
    return known(rows, outputs);
  },
  "grouped-layer-norm": (op, [x = NO_SHAPE, gamma = NO_SHAPE, beta = NO_SHAPE, expert = NO_SHAPE], found) => {
    const [rows, width] = expectRank(found, "x", x, 2);
    const [experts, gains] = expectRank(found, "gamma", gamma, 2);
    const [shifters, shifts] = expectRank(found, "beta", beta, 2);
    expectDim(found, "gamma", 1, gains, width, "axis 1 of x");
    expectDim(found, "beta", 0, shifters, experts, "axis 0 of gamma");
    expectDim(found, "beta", 1, shifts, width, "axis 1 of x");
    expectVector(found, "expert", expert, rows, "axis 0 of x");
    expectEpsilon(found, op.epsilon);
    return x;
  },
  "combine-rows": (_op, [gates = NO_SHAPE, parts = NO_SHAPE, position = NO_SHAPE], found) => {
    const [rows, choices] = expectRank(found, "gates", gates, 2);
    const [places, width] = expectRank(found, "parts", parts, 2);
    expectVector(found, "position", position, places, "axis 0 of parts");
    expectAssignments(found, "parts", places, rows, choices);
    return known(rows, width);
  },
  "top-k-experts": (op, [p = NO_SHAPE], found) => {
    const [rows, experts] = expectRank(found, "p", p, 2);
    expectChoices(found, op.k, experts, "p");
    return rows === undefined || found.diagnostics.length > 0 ? NO_SHAPE : [scaledDim(op.k, rows)];
  },
  "top-k-gates": (op, [p = NO_SHAPE], found) => {
    const [rows, experts] = expectRank(found, "p", p, 2);
    expectChoices(found, op.k, experts, "p");
    return known(rows, op.k);
  },
  "normalise-rows": (_op, [x = NO_SHAPE], found) => {
    lastDim(found, "x", x);
    return x;
  },
  "expert-counts": (op, [ids = NO_SHAPE], found) => {
    expectRank(found, "ids", ids, 1);
    if (!Number.isSafeInteger(op.experts) || op.experts < 0) {
      report(found, "TK252", `experts is ${op.experts}, expected an integer from 0`);
    }
    return [op.experts];
  },
  "expert-offsets": (_op, [ids = NO_SHAPE, counts = NO_SHAPE], found) => {
    expectRank(found, "ids", ids, 1);
    const [experts] = expectRank(found, "counts", counts, 1);
    return experts === undefined ? NO_SHAPE : [nextDim(experts)];
  },
  "token-positions": (_op, [ids = NO_SHAPE, offsets = NO_SHAPE], found) => {
    expectRank(found, "offsets", offsets, 1);
    return known(expectRank(found, "ids", ids, 1)[0]);
  },
  "slot-experts": (_op, [ids = NO_SHAPE, offsets = NO_SHAPE], found) => {
    expectRank(found, "offsets", offsets, 1);
    return known(expectRank(found, "ids", ids, 1)[0]);
  },
  "token-sources": (_op, [ids = NO_SHAPE, offsets = NO_SHAPE, expert = NO_SHAPE], found) => {
    const [tokens] = expectRank(found, "ids", ids, 1);
    expectRank(found, "offsets", offsets, 1);
    expectVector(found, "expert", expert, tokens, "axis 0 of ids");
    return known(tokens);
  },
  "gather-assignments": (op, [x = NO_SHAPE, source = NO_SHAPE], found) => {
    const [rows, width] = expectRank(found, "x", x, 2);
    if (!Number.isSafeInteger(op.k) || op.k < 1) report(found, "TK252", `k is ${op.k}, expected an integer from 1`);
    else if (rows !== undefined) {
      expectVector(found, "source", source, scaledDim(op.k, rows), `axis 0 of x times k = ${op.k}`);
    }
    return known(expectRank(found, "source", source, 1)[0], width);
  },
  ...UPDATE_RULES,
  part: (op, [x = NO_SHAPE], found) => {
    const [parts, ...rest] = x;
    if (parts === undefined) report(found, "TK250", "x has shape [] of rank 0, expected rank 1 or more");
    else if (typeof parts !== "number" || !Number.isSafeInteger(op.index) || op.index < 0 || op.index >= parts) {
      report(
        found,
        "TK252",
        `index is ${op.index}, expected an integer from 0 and below ${parts}, the size of axis 0 of x`,
      );
    }
    return rest;
  },
  add: (_op, [x = NO_SHAPE, y = NO_SHAPE], found) => {
    expectSame(found, "y", y, "x", x);
    return x;
  },
  "matmul-nn": (_op, [x = NO_SHAPE, w = NO_SHAPE], found) => {
    const [rows, depth] = expectRank(found, "x", x, 2);
    const [weightDepth, columns] = expectRank(found, "w", w, 2);
    expectDim(found, "w", 0, weightDepth, depth, "axis 1 of x");
    return known(rows, columns);
  },
  "matmul-tn": (_op, [x = NO_SHAPE, y = NO_SHAPE], found) => {
    const [depth, rows] = expectRank(found, "x", x, 2);
    const [otherDepth, columns] = expectRank(found, "y", y, 2);
    expectDim(found, "y", 0, otherDepth, depth, "axis 0 of x");
    return known(rows, columns);
  },
  "column-sum": (_op, [x = NO_SHAPE], found) => known(expectRank(found, "x", x, 2)[1]),
  "column-dot": (_op, [x = NO_SHAPE, y = NO_SHAPE], found) => {
    const [, columns] = expectRank(found, "x", x, 2);
    expectSame(found, "y", y, "x", x);
    return known(columns);
  },
  standardise: (op, [x = NO_SHAPE], found) => {
    lastDim(found, "x", x);
    expectEpsilon(found, op.epsilon);
    return x;
  },
  "layer-norm-dx": (op, [x = NO_SHAPE, gamma = NO_SHAPE, dy = NO_SHAPE], found) => {
    expectVector(found, "gamma", gamma, lastDim(found, "x", x), "the last axis of x");
    expectSame(found, "dy", dy, "x", x);
    expectEpsilon(found, op.epsilon);
    return x;
  },
  "gelu-dx": (_op, [x = NO_SHAPE, dy = NO_SHAPE], found) => {
    expectSame(found, "dy", dy, "x", x);
    return x;
  },
  "softmax-dx": (_op, [p = NO_SHAPE, dp = NO_SHAPE], found) => {
    lastDim(found, "p", p);
    expectSame(found, "dp", dp, "p", p);
    return p;
  },
  "top-k-dp": (_op, [w = NO_SHAPE, dw = NO_SHAPE, p = w], found) => {
    expectRank(found, "w", w, 2);
    expectSame(found, "dw", dw, "w", w);
    expectSame(found, "p", p, "w", w);
    return w;
  },
  "cross-entropy": (op, [x = NO_SHAPE, first = NO_SHAPE, second = NO_SHAPE], found) => {
    const rows = expectHeads(found, x, op.split);
    expectVector(found, "first", first, rows, "axis 0 of x");
    expectVector(found, "second", second, rows, "axis 0 of x");
    return known(rows, 1);
  },
  "cross-entropy-dx": (op, [x = NO_SHAPE, dloss = NO_SHAPE, first = NO_SHAPE, second = NO_SHAPE], found) => {
    const rows = expectHeads(found, x, op.split);
    expectColumn(found, "dloss", dloss, rows);
    expectVector(found, "first", first, rows, "axis 0 of x");
    expectVector(found, "second", second, rows, "axis 0 of x");
    return x;
  },
  "z-loss": (op, [x = NO_SHAPE], found) => {
    const [rows] = expectRank(found, "x", x, 2);
    expectCoefficient(found, "beta", op.beta);
    return known(rows, 1);
  },
  "z-loss-dx": (op, [x = NO_SHAPE, dloss = NO_SHAPE], found) => {
    const [rows] = expectRank(found, "x", x, 2);
    expectColumn(found, "dloss", dloss, rows);
    expectCoefficient(found, "beta", op.beta);
    return x;
  },
  "balance-coefficients": (op, [w = NO_SHAPE], found) => {
    const [, experts] = expectRank(found, "w", w, 2);
    expectChoices(found, op.k, experts, "w");
    expectCoefficient(found, "alpha", op.alpha);
    return known(1, experts);
  },
  "combine-dparts": (_op, [weights = NO_SHAPE, dy = NO_SHAPE], found) => {
    const [rows, experts] = expectRank(found, "weights", weights, 2);
    const [gradientRows, width] = expectRank(found, "dy", dy, 2);
    expectDim(found, "dy", 0, gradientRows, rows, "axis 0 of weights");
    return known(experts, rows, width);
  },
  "combine-dweights": (_op, [weights = NO_SHAPE, parts = NO_SHAPE, dy = NO_SHAPE], found) => {
    const [rows, experts] = expectRank(found, "weights", weights, 2);
    const [partExperts, partRows, partWidth] = expectRank(found, "parts", parts, 3);
    const [gradientRows, width] = expectRank(found, "dy", dy, 2);
    expectDim(found, "parts", 0, partExperts, experts, "axis 1 of weights");
    expectDim(found, "parts", 1, partRows, rows, "axis 0 of weights");
    expectDim(found, "dy", 0, gradientRows, rows, "axis 0 of weights");
    expectDim(found, "dy", 1, width, partWidth, "axis 2 of parts");
    return weights;
  },
  ...GROUPED_RULES,
  ...PANEL_RULES,
};

/** How many operands each kind takes: [fewest, most]. */
const OPERAND_COUNT: { readonly [K in OpKind]: readonly [number, number] } = {
  linear: [2, 3],
  "bias-add": [2, 2],
  "layer-norm": [3, 3],
  gelu: [1, 1],
  softmax: [1, 1],
  "top-k": [1, 1],
  stack: [0, Number.POSITIVE_INFINITY],
  concat: [0, Number.POSITIVE_INFINITY],
  combine: [2, 2],
  "gather-rows": [2, 2],
  "scatter-rows": [3, 3],
  "grouped-linear": [5, 5],
  "grouped-layer-norm": [4, 4],
  "combine-rows": [3, 3],
  "top-k-experts": [1, 1],
  "top-k-gates": [1, 1],
  "normalise-rows": [1, 1],
  "expert-counts": [1, 1],
  "expert-offsets": [2, 2],
  "token-positions": [2, 2],
  "slot-experts": [2, 2],
  "token-sources": [3, 3],
  "gather-assignments": [2, 2],
  "adamw-mean": [3, 3],
  "adamw-square": [3, 3],
  "adamw-weight": [4, 4],
  "row-squares": [1, 1],
  total: [1, 1],
  "clip-scale": [1, 1],
  "round-half": [1, 1],
  "round-half-by-chance": [2, 2],
  choose: [3, 3],
  "loss-scale-factor": [2, 2],
  "loss-scale-state": [2, 2],
  part: [1, 1],
  add: [2, 2],
  "matmul-nn": [2, 2],
  "matmul-tn": [2, 2],
  "column-sum": [1, 1],
  "column-dot": [2, 2],
  standardise: [1, 1],
  "layer-norm-dx": [3, 3],
  "gelu-dx": [2, 2],
  "softmax-dx": [2, 2],
  "top-k-dp": [2, 3],
  "cross-entropy": [3, 3],
  "cross-entropy-dx": [4, 4],
  "z-loss": [1, 1],
  "z-loss-dx": [2, 2],
  "balance-coefficients": [1, 1],
  "combine-dparts": [2, 2],
  "combine-dweights": [3, 3],
  "grouped-matmul-nn": [4, 4],
  "grouped-matmul-tn": [3, 3],
  "grouped-column-sum": [2, 2],
  "grouped-column-dot": [3, 3],
  "grouped-layer-norm-dx": [4, 4],
  "combine-rows-dparts": [3, 3],
  "combine-rows-dgates": [4, 4],
  "top-k-gates-dp": [2, 2],
  "normalise-rows-dx": [3, 3],
  "pack-panels": [1, 1],
  "unpack-panels": [1, 1],
};

/** The shape of the result; `inputShapes` in the order of `operandsOf`. All mistakes of the operation are listed. */
export function shapeOf<K extends OpKind>(op: Op<K>, inputShapes: readonly Shape[]): Result<Shape> {
  const found: Findings = { label: op.label, diagnostics: [] };
  const [fewest, most] = OPERAND_COUNT[op.kind];
  if (inputShapes.length < fewest || inputShapes.length > most) {
    report(found, "TK253", `${op.kind} has ${inputShapes.length} operands, expected ${fewest} to ${most}`);
    return refuse(...found.diagnostics);
  }
  const shape = RULES[op.kind](op, inputShapes, found);
  return found.diagnostics.length === 0 ? ok(shape) : refuse(...found.diagnostics);
}
