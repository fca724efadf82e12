/**
 * Claims: obligations before they are solved.
 *
 * A claim is proved by the unsatisfiability of its query; one that `expects` sat (assumptions can be met) by a model.
 * Where a query that should not be is satisfiable, the claim says how to make a witness of the model: which threads it
 * is about, and which fault the interpreter must then report.
 */

import type { FaultKind } from "../ir/kernel/interpret.ts";
import type { IndexWidth, SizeLimits } from "../ir/kernel/limits.ts";
import type { RelatedPlace } from "../support/diagnostic.ts";
import type { Span } from "../support/span.ts";
import type { DataClause } from "./data-clause.ts";
import type { ObligationKind } from "./obligation.ts";
import type { QueryOptions, Renaming } from "./query.ts";
import type { LoopContext } from "./summary.ts";
import type { Term } from "./term.ts";

export interface Claim {
  readonly id: string;
  readonly kind: ObligationKind;
  readonly span: Span;
  /** Other places that it is about: the first of two accesses. */
  readonly related?: readonly RelatedPlace[];
  /** What must hold, in words. */
  readonly statement: string;
  /** What a refutation says: `x[b][k] may be read past its end`. */
  readonly failure: string;
  readonly code: string;
  /** Everything assumed, and the negated goal. */
  readonly hypotheses: readonly Term[];
  /** Default: `unsat`. */
  readonly expects?: "sat";
  /** Present for claims about two threads: a witness shows both. */
  readonly renaming?: Renaming;
  /** The other threads that the hypotheses mention; they are not part of a witness. */
  readonly others?: readonly Renaming[];
  /** The clauses on data that may be assumed; default: all of the kernel's. */
  readonly clauses?: readonly DataClause[];
  /** Whether the order of sums is left out: for the claim that it rests on. */
  readonly unordered?: true;
  /** Whether products are bounded by those of their factors' usual bounds. */
  readonly factors?: true;
  /** Whether products stand for themselves, and not for what their lemmas say: for claims that `expect` sat. */
  readonly exact?: true;
  readonly replay: Replay;
  readonly fix?: string;
}

/** How the interpreter confirms a counterexample. */
export interface Replay {
  /** Faults that confirm it; empty where a model of the sizes alone, or of the data, is the witness. */
  readonly faults: readonly FaultKind[];
  readonly array?: string;
  /** Where in the source the fault must be; absent where it may show elsewhere, as the first barrier of two that diverge. */
  readonly places?: readonly Span[];
  /** Whether the threads at fault are of two blocks, or of one; absent where it may be either. */
  readonly acrossBlocks?: boolean;
  /** Whether the witness shows the element of the fault: the run may show another one than the model. */
  readonly element?: true;
  /** What contents that the kernel's conditions on data allow must be, for sizes to be a counterexample. */
  readonly contents?: (elements: ReadonlyMap<string, readonly number[]>) => boolean;
  readonly width: IndexWidth;
  /** What the launcher lets pass; default: `SIZE_LIMITS` of the width. */
  readonly limits?: SizeLimits;
  readonly loops: readonly LoopContext[];
  /** Whether all blocks run, and not only those of the witness: for faults that show when a launch ends. */
  readonly whole?: true;
  /** Terms to show in the witness, with their names: `index` and `length`. */
  readonly show: readonly { readonly label: string; readonly term: Term }[];
}

/** An element's index, for a witness: `index 3`, or `index of axis 0 1, index of axis 1 3`. */
export function showIndex(index: readonly Term[]): Replay["show"] {
  return index.map((term, axis) => ({ label: index.length > 1 ? `index of axis ${axis}` : "index", term }));
}

/** A claim about sizes alone: the model's dimensions are the witness, and no thread has to run. */
export const NO_REPLAY: Replay = { faults: [], width: 64, loops: [], show: [] };

/** Hands out ids: `kernel/kind/name#ordinal`, counting from 1 among equals. */
export function idGiver(kernel: string): (kind: ObligationKind, name: string) => string {
  const counts = new Map<string, number>();
  return (kind, name) => {
    const stem = `${kernel}/${kind}/${name}`;
    const ordinal = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, ordinal);
    return `${stem}#${ordinal}`;
  };
}

/** How a claim's query is built, besides its hypotheses. */
export function queryOptionsOf({
  renaming,
  others = [],
  clauses,
  unordered,
  factors,
  exact,
}: Claim): Omit<QueryOptions, "scope" | "hypotheses"> {
  return {
    renamings: renaming === undefined ? others : [renaming, ...others],
    ...(clauses && { clauses }),
    ...(unordered && { unordered }),
    ...(factors && { factors }),
    ...(exact && { exact }),
  };
}

export type GiveId = ReturnType<typeof idGiver>;
