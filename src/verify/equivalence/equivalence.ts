/**
 * Equivalence: a kernel that claims to compute an operation → for each of its outputs whether, over the reals, it does.
 *
 *   cases → symbolic launch → compare each element with its definition → confirm what differs
 *
 * The kernel is executed at every case of `casesOf`; there each element must have the normal form of its definition, or be
 * equal to it when both are multiplied out. Where it is not, numbers are sought at which both differ and the interpreter
 * leaves another value than the definition gives: only that is a refutation. A statement, or an arm of a choice, that no
 * case has reached leaves the verdict open, as does everything that symbolic execution cannot follow.
 *
 * Over the reals a softmax need not subtract the maximum. So that it does not overflow, a kernel must also leave finite
 * numbers at inputs with large elements or infinities wherever its definition does; this is tried out, not proved.
 *
 * Formats of halves mean nothing over the reals. Of kernels that differ in nothing else one is executed, and each is tried
 * out, since formats hold other numbers.
 */

import type { Expr } from "../../ir/kernel/expr.ts";
import type { Kernel, Stmt, TensorParam } from "../../ir/kernel/types.ts";
import { statementExprs, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import type { Span } from "../../support/span.ts";
import { contentsOf } from "../contents.ts";
import type { Verdict, Witness } from "../obligation.ts";
import { compareCase, isTriedOut, type OutputState, tryOut } from "./compare.ts";
import { ShapeMismatch } from "./define.ts";
import { type Budget, type Reached, Unsupported } from "./machine.ts";
import { NotDefined } from "./real-arithmetic.ts";
import { OverBudget } from "./reals.ts";
import { type Bound, bindSignature, missingAttributes } from "./signature.ts";
import { type Case, casesOf } from "./sizes.ts";
import { freshTables } from "./tables.ts";

/** What is known of one output. */
export interface OutputVerdict {
  readonly output: string;
  readonly verdict: Verdict;
  /** The shapes at which it was compared. */
  readonly shapes?: string;
  /** The last store that wrote the element that differs, or what is not supported. */
  readonly span: Span;
  readonly witness?: Witness;
  readonly reason?: string;
  readonly fix?: string;
}

export interface Equivalence {
  readonly verdicts: readonly OutputVerdict[];
  /** Of each of the kernels that are like this one: whether all its outputs are proved too. */
  readonly alike: readonly boolean[];
}

/** Lanes on which an expression or a statement is executed, over all cases. */
const MAX_WORK = 400_000_000;

/** Expressions and terms after which the next case begins with empty tables. */
const TABLES_FULL = 2_000_000;

/**
 * Without verdicts where the kernel claims nothing whose parameters are its own: then the shape obligations say what is
 * wrong. `alike` differ from the kernel in the formats of halves alone.
 */
export function checkEquivalence(kernel: Kernel, alike: readonly Kernel[] = []): Equivalence {
  const only = (verdicts: readonly OutputVerdict[]): Equivalence => ({ verdicts, alike: alike.map(() => false) });
  const bound = bindSignature(kernel);
  if (bound === undefined) return only([]);
  const allOpen = (reason: string, span?: Span, fix?: string): Equivalence =>
    only(
      bound.outputs.map(({ param }) => ({
        output: param.name,
        verdict: "unknown",
        span: span ?? param.span,
        reason,
        ...(fix !== undefined && { fix }),
      })),
    );
  const missing = missingAttributes(kernel, bound).join(" and ");
  if (missing !== "") {
    const reason = `${bound.claim} depends on ${missing}, which the kernel does not take`;
    return allOpen(reason, undefined, `take ${missing} as a scalar parameter`);
  }
  try {
    const { verdicts, states } = compareAll(kernel, bound);
    const proved = verdicts.every(({ verdict }) => verdict === "proved");
    return {
      verdicts,
      alike: alike.map((other) => proved && states.every((state) => isTriedOut(bound, state, other))),
    };
  } catch (cause) {
    if (cause instanceof Unsupported) return allOpen(`symbolic execution: ${cause.message}`, cause.span);
    if (cause instanceof OverBudget) return allOpen(`symbolic execution: ${cause.message}`);
    if (cause instanceof RangeError) return allOpen("symbolic execution: an expression is nested too deeply");
    throw cause;
  }
}

interface Compared {
  readonly verdicts: readonly OutputVerdict[];
  readonly states: readonly OutputState[];
}

function compareAll(kernel: Kernel, bound: Bound): Compared {
  const { cases, textOf } = casesOf(kernel);
  /** A case without contents, or at which the operation means nothing, says nothing. */
  const compared = new Set<Case>();
  const reached: Reached = new Set();
  const budget: Budget = { left: MAX_WORK };
  const states = bound.outputs.map(
    ({ param, formal }): OutputState => ({ param, formal, elements: 0, lastAt: new Map() }),
  );
  const undecided = (): readonly OutputState[] => states.filter(({ refuted }) => refuted === undefined);
  let tables = freshTables();
  for (const at of cases) {
    for (const contents of contentsOf(kernel, at)) {
      if (undecided().length === 0) break;
      // Elements of one shape are mostly elements of the next, so that the tables serve many.
      if (tables.size() > TABLES_FULL) tables = freshTables();
      const here: Reached = new Set();
      const outcome = compareCase({ kernel, bound, at, contents, tables, reached: here, budget }, undecided());
      if (outcome instanceof NotDefined) continue;
      // What has run where there is nothing to compare it with is not covered.
      for (const node of here) reached.add(node);
      compared.add(at);
      if (outcome instanceof ShapeMismatch) {
        return { verdicts: bound.outputs.map(({ param }) => misfit(kernel, bound, at, param, outcome)), states };
      }
      if (outcome === "over-budget") tables = freshTables();
    }
  }
  for (const state of undecided()) tryOut(bound, state);
  const gap = unreached(kernel, reached);
  return { verdicts: states.map((state) => verdictOf(kernel, state, gap, textOf([...compared]))), states };
}

function verdictOf(kernel: Kernel, state: OutputState, gap: Stmt | Expr | undefined, shapes: string): OutputVerdict {
  const { param, refuted, open, elements } = state;
  const output = param.name;
  if (refuted !== undefined) return { output, verdict: "refuted", ...refuted };
  if (open !== undefined) return { output, verdict: "unknown", ...open };
  if (elements === 0) {
    const reason = "at none of the small shapes that the contract allows is there an element";
    return { output, verdict: "unknown", span: kernel.span, reason };
  }
  if (gap !== undefined) {
    return { output, verdict: "unknown", span: gap.span, reason: "none of the shapes that were tried gets here" };
  }
  return { output, verdict: "proved", shapes, span: param.span };
}

/** Sizes at which the tensors are none that the operation takes. */
function misfit(
  kernel: Kernel,
  { claim }: Bound,
  { dims }: { readonly dims: Readonly<Record<string, bigint>> },
  param: TensorParam,
  { message }: ShapeMismatch,
): OutputVerdict {
  const sizes = kernel.dims.map((name) => `${name} = ${dims[name]}`).join(", ");
  const text = `${sizes}: ${claim} does not take these shapes: ${message}`;
  const witness: Witness = { dims, text, replayed: "the sizes alone are the counterexample" };
  return { output: param.name, verdict: "refuted", span: param.span, witness };
}

/** The first statement or arm of a choice that no case has executed. */
function unreached(kernel: Kernel, reached: Reached): Stmt | Expr | undefined {
  let gap: Stmt | Expr | undefined;
  const look = (node: Stmt | Expr): void => {
    if (gap === undefined && !reached.has(node)) gap = node;
  };
  visitStmts(kernel.body, (stmt) => {
    look(stmt);
    // Invariants are no part of what a kernel computes.
    const exprs = stmt.kind === "for" ? [stmt.lo, stmt.hi] : statementExprs(stmt);
    for (const expr of exprs) {
      visitExpr(expr, (inner) => {
        if (inner.kind !== "select") return;
        look(inner.then);
        look(inner.else);
      });
    }
  });
  return gap;
}
