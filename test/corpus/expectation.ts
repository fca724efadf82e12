/**
 * What the verifier must say of a broken twin in kernels/: the obligation that is refuted, where, and with which witness.
 * The correct twin is proved whole, which needs no table.
 *
 * Terms:
 * - `line` is the text of the source line that the obligation points at; of a race, the line of either access.
 * - `witness` matches the sizes, threads and values, and on the next line what the interpreter does on them.
 * - `consequences` are the other kinds that are refuted for the same mistake; every kind that is not named is proved.
 */

import type { ObligationKind } from "../../src/verify/obligation.ts";

export type Line = string | readonly string[];

export interface Expectation {
  readonly kind: ObligationKind;
  readonly code: string;
  readonly line: Line;
  readonly witness: RegExp;
  readonly consequences?: readonly ObligationKind[];
  /** The kinds that are left unknown by it: their claims fail, and no run shows the fault. */
  readonly unconfirmed?: readonly ObligationKind[];
}

/** A broken twin that the language cannot say: the front end's code and line. */
export interface Refusal {
  readonly correct: string;
  readonly code: string;
  readonly line: string;
}

/** By file name, without `.ts`. */
export type Expectations = Readonly<Record<string, Expectation>>;

/** One constructor per kind and code. */
const expectation =
  (kind: ObligationKind, code: string) =>
  (line: Line, witness: RegExp): Expectation => ({ kind, code, line, witness });

export const bounds = expectation("bounds", "TK301");
export const race = expectation("race", "TK302");
export const raceOfBlocks = expectation("race", "TK303");
export const divergence = expectation("divergence", "TK304");
export const tooLarge = expectation("overflow", "TK305");
export const divisor = expectation("overflow", "TK306");
export const narrowing = expectation("overflow", "TK307");
export const launch = expectation("launch", "TK308");
export const falseInvariant = expectation("contract", "TK309");
export const shape = expectation("shape", "TK310");
export const vacuous = expectation("contract", "TK312");
export const equivalence = expectation("equivalence", "TK313");
export const init = expectation("init", "TK314");
export const unwritten = expectation("coverage", "TK315");
export const writtenTwice = expectation("coverage", "TK316");
export const alignment = expectation("alignment", "TK317");
export const farApart = expectation("coalesced", "TK322");
export const bankConflict = expectation("conflict-free", "TK323");
export const brokenEnsures = expectation("contract", "TK318");
export const conditionReads = expectation("contract", "TK320");
