/** Checks of operands' shapes and of attributes: what is wrong becomes a diagnostic, and the rule goes on. */

import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { type Dim, formatShape, type Op, type OpKind, type Shape } from "./types.ts";

/** The smallest normal f32: a smaller epsilon may be flushed to 0, and 1/√0 follows. */
const MIN_EPSILON = 2 ** -126;

/** The mistakes found so far in one operation's operands; the label opens every message. */
export interface Findings {
  readonly label: string;
  readonly diagnostics: Diagnostic[];
}

export type ShapeRule<K extends OpKind> = (op: Op<K>, shapes: readonly Shape[], found: Findings) => Shape;

/** What an absent operand is taken for; the number of operands has been checked before a rule runs. */
export const NO_SHAPE: Shape = [];

export function report(found: Findings, code: string, fact: string): void {
  found.diagnostics.push(error(code, undefined, `${found.label}: ${fact}`));
}

/** The operand's dimensions where its rank is right; else none, so that no second message follows from the first. */
export function expectRank(found: Findings, operand: string, shape: Shape, rank: number): Shape {
  if (shape.length === rank) return shape;
  report(found, "TK250", `${operand} has shape ${formatShape(shape)} of rank ${shape.length}, expected rank ${rank}`);
  return [];
}

/** `undefined` is the dimension of an operand whose rank has been refused. */
export function expectDim(
  found: Findings,
  operand: string,
  axis: number,
  actual: Dim | undefined,
  expected: Dim | undefined,
  source: string,
): void {
  if (actual === undefined || expected === undefined || actual === expected) return;
  report(found, "TK251", `${operand} has size ${actual} on axis ${axis}, expected ${expected}, the size of ${source}`);
}

export function expectVector(
  found: Findings,
  operand: string,
  shape: Shape,
  expected: Dim | undefined,
  source: string,
): void {
  const [actual] = expectRank(found, operand, shape, 1);
  expectDim(found, operand, 0, actual, expected, source);
}

/** Two operands of one shape. */
export function expectSame(found: Findings, operand: string, shape: Shape, other: string, expected: Shape): void {
  for (const [axis, dim] of expectRank(found, operand, shape, expected.length).entries()) {
    expectDim(found, operand, axis, dim, expected[axis], `axis ${axis} of ${other}`);
  }
}

/** A tensor of one number per row. */
export function expectColumn(found: Findings, operand: string, shape: Shape, rows: Dim | undefined): void {
  const [actual, columns] = expectRank(found, operand, shape, 2);
  expectDim(found, operand, 0, actual, rows, "axis 0 of x");
  expectDim(found, operand, 1, columns, 1, "a column");
}

/** The rows of logits of two heads, the second of which begins at `split`. */
export function expectHeads(found: Findings, x: Shape, split: number): Dim | undefined {
  const [rows, columns] = expectRank(found, "x", x, 2);
  if (!Number.isSafeInteger(split) || split < 1 || (typeof columns === "number" && split >= columns)) {
    report(
      found,
      "TK252",
      `split is ${split}, expected an integer from 1 and below ${columns}, the size of axis 1 of x`,
    );
  }
  return rows;
}

/** How many of `choices` are chosen. */
export function expectChoices(found: Findings, k: number, choices: Dim | undefined, operand: string): void {
  if (!Number.isSafeInteger(k) || k < 1) report(found, "TK252", `k is ${k}, expected an integer from 1`);
  else if (typeof choices === "number" && k > choices) {
    report(found, "TK252", `k is ${k}, expected at most ${choices}, the size of axis 1 of ${operand}`);
  }
}

/** How much a loss counts. */
export function expectCoefficient(found: Findings, name: string, value: number): void {
  if (value >= 0 && value < Number.POSITIVE_INFINITY) return;
  report(found, "TK252", `${name} is ${value}, expected a number from 0`);
}

export function expectEpsilon(found: Findings, epsilon: number): void {
  if (epsilon >= MIN_EPSILON && epsilon <= 1) return;
  report(found, "TK252", `epsilon is ${epsilon}, expected a number from 2^-126 to 1`);
}

/** How much of a moment a step keeps. */
export function expectDecayRate(found: Findings, name: string, beta: number): void {
  if (beta >= 0 && beta < 1) return;
  report(found, "TK252", `${name} is ${beta}, expected a number from 0 to below 1`);
}

export function lastDim(found: Findings, operand: string, shape: Shape): Dim | undefined {
  const last = shape.at(-1);
  if (last === undefined) report(found, "TK250", `${operand} has shape [] of rank 0, expected rank 1 or more`);
  return last;
}

/** The shape of these dimensions; one is missing only where a rank has been refused, and then no shape is returned. */
export function known(...dims: readonly (Dim | undefined)[]): Shape {
  return dims.filter((dim) => dim !== undefined);
}
