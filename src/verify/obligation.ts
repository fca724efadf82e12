/**
 * Obligations and verdicts: what has to hold of a kernel, and what the solver said of it.
 *
 * An obligation's id survives edits elsewhere in the file: kernel, kind, name, and an ordinal among those that share
 * the three, as in `linear/bounds/x#2`.
 */

import type { RelatedPlace } from "../support/diagnostic.ts";
import type { Span } from "../support/span.ts";
import type { ReplayRecord } from "./replay-record.ts";

export const OBLIGATION_KINDS = [
  "shape",
  "bounds",
  "race",
  "divergence",
  "overflow",
  "init",
  "coverage",
  "alignment",
  "coalesced",
  "conflict-free",
  "launch",
  "contract",
  "equivalence",
  "plan",
] as const;
export type ObligationKind = (typeof OBLIGATION_KINDS)[number];

export type Verdict = "proved" | "refuted" | "unknown";

export interface ObligationResult {
  readonly id: string;
  readonly kind: ObligationKind;
  readonly kernel: string;
  readonly span: Span;
  /** Other places that it is about: the first of two accesses. */
  readonly related?: readonly RelatedPlace[];
  /** What must hold, in words: `x[b][k0 + thread.x] stays within x`. */
  readonly statement: string;
  /** What a refutation says, and its diagnostic code. */
  readonly failure: string;
  readonly code: string;
  readonly verdict: Verdict;
  /** Wall time of the solver in milliseconds. */
  readonly solverMs: number;
  /** The SMT-LIB text that was asked, and its SHA-256; empty for what no solver is asked (equivalence). */
  readonly query: string;
  readonly queryHash: string;
  /** The answer that proves it: `sat` for obligations that assumptions can be met. */
  readonly expects: "unsat" | "sat";
  /** The shapes of a verdict that holds for these only, as in `proved at shapes B ∈ {0, 1, 2}`. */
  readonly shapes?: string;
  readonly witness?: Witness;
  /** Why the verdict is `unknown`. */
  readonly reason?: string;
  readonly fix?: string;
}

/** A confirmed counterexample: the sizes and threads, and what the interpreter did on them. */
export interface Witness {
  readonly dims: Readonly<Record<string, bigint>>;
  /** `B = 1, K = 1; block (0, 0), thread (1, 0), k0 = 0: index 1, length 1`. */
  readonly text: string;
  /** `the interpreter reads x[0][1] out of bounds`. */
  readonly replayed: string;
  /** The run that confirmed it; absent where the sizes alone are the counterexample. */
  readonly replay?: ReplayRecord;
}
