/** Shape rules of the operations that update weights: AdamW, the norm of the gradients, and the scale of the loss. */

import type { PrecisionKind } from "./precision-ops.ts";
import {
  expectDecayRate,
  expectEpsilon,
  expectRank,
  expectSame,
  expectVector,
  type Findings,
  lastDim,
  NO_SHAPE,
  report,
  type ShapeRule,
} from "./shape-checks.ts";
import { formatShape } from "./types.ts";

type UpdateKind =
  | "adamw-mean"
  | "adamw-square"
  | "adamw-weight"
  | "row-squares"
  | "total"
  | "clip-scale"
  | PrecisionKind;

export const UPDATE_RULES: { readonly [K in UpdateKind]: ShapeRule<K> } = {
  "adamw-mean": (op, [mean = NO_SHAPE, gradient = NO_SHAPE, scale = NO_SHAPE], found) => {
    expectSame(found, "gradient", gradient, "mean", mean);
    expectVector(found, "scale", scale, 1, "one factor");
    expectDecayRate(found, "beta1", op.beta1);
    return mean;
  },
  "adamw-square": (op, [square = NO_SHAPE, gradient = NO_SHAPE, scale = NO_SHAPE], found) => {
    expectSame(found, "gradient", gradient, "square", square);
    expectVector(found, "scale", scale, 1, "one factor");
    expectDecayRate(found, "beta2", op.beta2);
    return square;
  },
  "adamw-weight": (op, [weight = NO_SHAPE, mean = NO_SHAPE, square = NO_SHAPE, rates = NO_SHAPE], found) => {
    expectSame(found, "mean", mean, "weight", weight);
    expectSame(found, "square", square, "weight", weight);
    expectVector(found, "rates", rates, 3, "a learning rate and two corrections");
    expectEpsilon(found, op.epsilon);
    if (!(op.decay >= 0 && op.decay < Number.POSITIVE_INFINITY)) {
      report(found, "TK252", `decay is ${op.decay}, expected a number from 0`);
    }
    return weight;
  },
  "row-squares": (_op, [x = NO_SHAPE], found) => {
    if (lastDim(found, "x", x) === undefined) return NO_SHAPE;
    const leading = x.slice(0, -1);
    if (leading.length === 1) return leading;
    const sizes = leading.filter((size) => typeof size === "number");
    if (sizes.length < leading.length) report(found, "TK251", `x has shape ${formatShape(x)}, expected integers`);
    return [sizes.reduce((product, size) => product * size, 1)];
  },
  total: (_op, [x = NO_SHAPE], found) => {
    expectRank(found, "x", x, 1);
    return [1];
  },
  "clip-scale": (op, [squares = NO_SHAPE], found) => {
    expectVector(found, "squares", squares, 1, "one sum");
    expectPositive(found, "max_norm", op.maxNorm);
    return squares;
  },
  "round-half": (_op, [x = NO_SHAPE]) => x,
  "round-half-by-chance": (op, [x = NO_SHAPE, random = NO_SHAPE], found) => {
    expectVector(found, "random", random, 2, "a seed and a step");
    if (!Number.isSafeInteger(op.stream)) report(found, "TK252", `stream is ${op.stream}, expected an integer`);
    return x;
  },
  choose: (_op, [condition = NO_SHAPE, x = NO_SHAPE, otherwise = NO_SHAPE], found) => {
    expectVector(found, "condition", condition, 1, "one number");
    expectSame(found, "otherwise", otherwise, "x", x);
    return x;
  },
  "loss-scale-factor": (op, [squares = NO_SHAPE, state = NO_SHAPE], found) => {
    expectVector(found, "squares", squares, 1, "one sum");
    expectVector(found, "state", state, 2, "a scale and a count of steps");
    expectPositive(found, "max_norm", op.maxNorm);
    return squares;
  },
  "loss-scale-state": (op, [squares = NO_SHAPE, state = NO_SHAPE], found) => {
    expectVector(found, "squares", squares, 1, "one sum");
    expectVector(found, "state", state, 2, "a scale and a count of steps");
    if (!(Number.isSafeInteger(op.interval) && op.interval >= 1 && op.interval <= 2 ** 24)) {
      report(found, "TK252", `interval is ${op.interval}, expected an integer from 1 to 2^24`);
    }
    return state;
  },
};

function expectPositive(found: Findings, name: string, value: number): void {
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) {
    report(found, "TK252", `${name} is ${value}, expected a number above 0`);
  }
}
