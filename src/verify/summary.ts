/**
 * Summary: what one symbolic thread of a kernel does, as the obligations need it.
 *
 * Terms:
 * - A `Path` is how a point of the kernel is reached, in order: *guards*, the conditions that decide whether it is (those
 *   of branches, and that a loop runs this iteration), and *facts*, which hold of every run that has met the guards
 *   before them (what invariants say of mutable locals).
 * - A `Site` is a point of the kernel: its path, its place, and the loops around it.
 * - `nodes` is the kernel's structure as far as the order of memory accesses and barriers matters. Loops over constant
 *   sequences (`steps`) are expanded; a `LoopNode` stands for an unknown number of iterations.
 * - A loop that contains a block barrier is *aligned*: all threads of a block run the same iteration at the same time.
 *   With wave barriers alone in it, only the threads of one wave do. That all threads reach its barriers in the same
 *   iterations is the divergence obligation of each.
 */

import type { IntegerElement } from "../ir/kernel/elements.ts";
import type { Expr, Space } from "../ir/kernel/expr.ts";
import type { IndexWidth } from "../ir/kernel/limits.ts";
import type { BarrierScope, CoversClause } from "../ir/kernel/types.ts";
import { InternalError } from "../support/result.ts";
import type { Span } from "../support/span.ts";
import type { DataClause } from "./data-clause.ts";
import type { Scope } from "./scope.ts";
import type { Term } from "./term.ts";

export interface PathStep {
  readonly kind: "guard" | "fact";
  readonly term: Term;
}

export type Path = readonly PathStep[];

/** Everything that the path says. */
export function pathTerms(path: Path): readonly Term[] {
  return path.map(({ term }) => term);
}

export interface LoopContext {
  readonly id: number;
  readonly counter: string;
  /** The counter's symbol in the current iteration. */
  readonly symbol: string;
  readonly step: bigint;
  readonly lo: Term;
  readonly hi: Term;
  readonly aligned: boolean;
  /** Whether a barrier of any scope is in it: threads of one wave run it in step. */
  readonly waveAligned: boolean;
  /** Whether a barrier or a collective is in it: threads of a block run the same iterations of it. */
  readonly decided: boolean;
}

export interface Site {
  readonly path: Path;
  readonly span: Span;
  readonly loops: readonly LoopContext[];
}

export interface Access extends Site {
  readonly kind: "access";
  readonly space: Space;
  readonly array: string;
  /** An atomic access both reads and writes. */
  readonly write: boolean;
  readonly atomic: boolean;
  readonly index: readonly Term[];
  /** How many consecutive elements of the last axis, from the index on. */
  readonly lanes: bigint;
  /** The array's extent per axis. */
  readonly extent: readonly Term[];
  /** `x[b][k0 + thread.x]`, as in the source. */
  readonly text: string;
  /** The source text of each index. */
  readonly indexText: readonly string[];
}

/** A construct around a barrier whose decision must be the same for all threads of the block. */
export interface Decision {
  readonly path: Path;
  readonly loops: readonly LoopContext[];
  /** The condition of an `if`, or the bounds of a loop. */
  readonly terms: readonly Term[];
  readonly text: string;
}

export interface BarrierNode extends Site {
  readonly kind: "barrier";
  readonly scope: BarrierScope;
  readonly decisions: readonly Decision[];
}

/**
 * What the threads of a wave run together: reached by all threads of the block, as a barrier is, and ordering nothing. `tile`
 * is what the lanes of a wave agree on: the first element of a tile, of a fragment that is loaded.
 */
export interface Collective extends Site {
  readonly what: "fragment" | "mma";
  /** The array whose fragment it is, as in the source. */
  readonly array: string;
  readonly text: string;
  readonly tile: readonly Term[];
  readonly decisions: readonly Decision[];
}

export interface BranchNode {
  readonly kind: "branch";
  readonly then: readonly Node[];
  readonly else: readonly Node[];
}

export interface LoopNode {
  readonly kind: "loop";
  readonly context: LoopContext;
  readonly body: readonly Node[];
}

export type Node = Access | BarrierNode | BranchNode | LoopNode;

/** Every access and barrier, in the order of the text. */
export function visitNodes(nodes: readonly Node[], visit: (node: Access | BarrierNode) => void): void {
  for (const node of nodes) {
    switch (node.kind) {
      case "access":
      case "barrier":
        visit(node);
        break;
      case "branch":
        visitNodes(node.then, visit);
        visitNodes(node.else, visit);
        break;
      case "loop":
        visitNodes(node.body, visit);
        break;
      default:
        node satisfies never;
        throw new InternalError("unknown node");
    }
  }
}

/** An integer that the machine computes: it must fit the index width. */
export interface Computed extends Site {
  readonly term: Term;
  readonly text: string;
  /** What the enclosing statement defines or does, such as `b`, `y`, `if`: the name of its obligations. */
  readonly owner: string;
  /** Numbers the statement, so that its integers share one obligation. */
  readonly statement: number;
}

/** A divisor of `div` or `mod`: it must be positive. */
export interface Divisor extends Site {
  readonly term: Term;
  readonly text: string;
  /** The place of the division; the site's is that of the divisor. */
  readonly division: Span;
}

/** An integer stored into an element type that must hold it. */
export interface Stored extends Site {
  readonly term: Term;
  readonly element: IntegerElement;
  readonly array: string;
  readonly text: string;
}

/** An element of an integer array that a store gives a value; `access` is its write. */
export interface StoredValue {
  readonly access: Access;
  readonly value: Term;
}

/** A loop invariant: `goal` under the site's path. */
export interface InvariantCheck extends Site {
  readonly phase: "holds before the first iteration" | "is kept by each iteration";
  readonly goal: Term;
  readonly expr: Expr;
  readonly text: string;
}

/** Who writes an element of an output, by its author's word: checked before it is believed. */
export interface CoversTerms {
  readonly source: CoversClause;
  /** Symbol → its value for the element at `index`. */
  readonly witness: (index: readonly Term[]) => ReadonlyMap<string, Term>;
}

/** What obligations may assume, by origin. The launcher checks all of it but `position`, which the hardware grants. */
export interface Assumptions {
  /** Dimensions and element counts within `SIZE_LIMITS` of the width. */
  readonly sizes: Readonly<Record<IndexWidth, readonly Term[]>>;
  /** `where` and `requires`. */
  readonly contract: readonly Term[];
  /** The limits of the grid. */
  readonly grid: readonly Term[];
  /** Block and thread indices within the grid and the block. */
  readonly position: readonly Term[];
}

export interface Summary {
  readonly scope: Scope;
  /** The width whose size limits every launch meets: 32 where the kernel demands it. */
  readonly widest: IndexWidth;
  readonly assumptions: Assumptions;
  readonly grid: readonly Term[];
  /** The extent per axis of each array. */
  readonly extents: ReadonlyMap<string, readonly Term[]>;
  readonly nodes: readonly Node[];
  readonly accesses: readonly Access[];
  readonly barriers: readonly BarrierNode[];
  readonly collectives: readonly Collective[];
  readonly computed: readonly Computed[];
  readonly divisors: readonly Divisor[];
  readonly stored: readonly Stored[];
  readonly invariants: readonly InvariantCheck[];
  readonly values: readonly StoredValue[];
  readonly ensures: readonly DataClause[];
  readonly covers: readonly CoversTerms[];
}
