/**
 * Equivalence: a kernel that claims to compute an operation → for each of its outputs whether, over the reals, it does.
 *
 *   cases → symbolic launch → compare each element with its definition → confirm what differs
 *
 * The kernel is executed at every case of `casesOf`; there each element must have the normal form of its definition, or be
 * equal to it when both are multiplied out. Where it is not, numbers are sought at which both differ and the interpreter
 * leaves another value than the definition gives: only that is a refutation. A statement, or an arm of a choice, that no
 * case has reached leaves the verdict open, as does everything that symbolic execution cannot follow.
 */

import { indexOf } from "../../ir/kernel/memory.ts";
import type { Expr, Kernel, Stmt, TensorParam } from "../../ir/kernel/types.ts";
import { statementExprs, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import type { Span } from "../../support/span.ts";
import type { Verdict, Witness } from "../obligation.ts";
import { confirmDifference, type Difference, describeDifference } from "./confirm.ts";
import { contentsOf } from "./contents.ts";
import { defineClaim, NotDefined, type RealAttributes, type RealTensor, ShapeMismatch } from "./define.ts";
import { type Equality, equality } from "./expand.ts";
import { Forms } from "./forms.ts";
import { type Contents, type Launched, launch } from "./launch.ts";
import { type Budget, lift, type Memory, type Reached, Unsupported } from "./machine.ts";
import { OverBudget, Reals } from "./reals.ts";
import { type Bound, bindSignature, missingAttributes } from "./signature.ts";
import { type Case, casesOf } from "./sizes.ts";

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

/** Lanes on which an expression or a statement is executed, over all cases. */
const MAX_WORK = 400_000_000;

/** Expressions and terms after which the next case begins with empty tables. */
const TABLES_FULL = 2_000_000;

/** Empty where the kernel claims nothing whose parameters are its own: then the shape obligations say what is wrong. */
export function checkEquivalence(kernel: Kernel): readonly OutputVerdict[] {
  const bound = bindSignature(kernel);
  if (bound === undefined) return [];
  const missing = missingAttributes(kernel, bound);
  if (missing.length > 0) {
    const reason = `${bound.claim} depends on ${missing.join(" and ")}, which the kernel does not take`;
    const fix = `take ${missing.join(" and ")} as a scalar parameter`;
    return bound.outputs.map(({ param }) => ({ ...open(param, reason), fix }));
  }
  const allOpen = (reason: string, span?: Span): readonly OutputVerdict[] =>
    bound.outputs.map(({ param }) => ({ ...open(param, reason), ...(span && { span }) }));
  try {
    return compareAll(kernel, bound);
  } catch (cause) {
    if (cause instanceof Unsupported) return allOpen(`symbolic execution: ${cause.message}`, cause.span);
    if (cause instanceof OverBudget) return allOpen(`symbolic execution: ${cause.message}`);
    if (cause instanceof RangeError) return allOpen("symbolic execution: an expression is nested too deeply");
    throw cause;
  }
}

function open({ name, span }: TensorParam, reason: string): OutputVerdict {
  return { output: name, verdict: "unknown", span, reason };
}

function compareAll(kernel: Kernel, bound: Bound): readonly OutputVerdict[] {
  const { cases, text } = casesOf(kernel);
  const reached: Reached = new Set();
  const budget: Budget = { left: MAX_WORK };
  const settled = new Map<string, OutputVerdict>();
  let compared = 0;
  let { reals, forms } = freshTables();
  for (const at of cases) {
    for (const contents of contentsOf(kernel, at)) {
      // Elements of one shape are mostly elements of the next, so that the tables serve many.
      if (reals.nodes.length + forms.forms.size > TABLES_FULL) ({ reals, forms } = freshTables());
      const launched = launch(kernel, at, contents, { reals, reached, budget });
      const run: Run = { kernel, bound, at, contents, reals, launched, text };
      const definition = definitionOf(run);
      if (definition instanceof NotDefined) continue;
      if (definition instanceof ShapeMismatch) return bound.outputs.map(({ param }) => misfit(run, param, definition));
      for (const { param, formal } of bound.outputs) {
        if (settled.has(param.name)) continue;
        const { verdict, elements } = compareOutput(run, param, definition.get(formal), reals, forms);
        compared += elements;
        if (verdict !== undefined) settled.set(param.name, verdict);
      }
      if (settled.size === bound.outputs.length) break;
    }
    if (settled.size === bound.outputs.length) break;
  }
  const gap = compared === 0 ? nothing(kernel) : unreached(kernel, reached);
  return bound.outputs.map(({ param }): OutputVerdict => {
    const found = settled.get(param.name);
    if (found !== undefined) return found;
    if (gap !== undefined) return { ...open(param, gap.reason), span: gap.span };
    return { output: param.name, verdict: "proved", shapes: text, span: param.span };
  });
}

function freshTables(): { readonly reals: Reals; readonly forms: Equality } {
  const reals = new Reals();
  return { reals, forms: equality(reals, new Forms()) };
}

function nothing(kernel: Kernel): { readonly reason: string; readonly span: Span } {
  return { reason: "at none of the small shapes that the contract allows is there an element", span: kernel.span };
}

interface Run {
  readonly kernel: Kernel;
  readonly bound: Bound;
  readonly at: Case;
  readonly contents: Contents;
  readonly reals: Reals;
  readonly launched: Launched;
  readonly text: string;
}

/** What the definition takes: the inputs as they were before the launch, and the scalars. */
function operandsOf({ bound, at, reals, launched }: Run): readonly [readonly RealTensor[], RealAttributes] {
  const inputs = bound.inputs.map(({ name }): RealTensor => {
    const memory = launched.memories.get(name);
    const before = launched.before.get(name) ?? [];
    const floats = memory?.element === "f32";
    return {
      shape: memory?.shape ?? [],
      elements: before.map((value) => (floats && typeof value === "number" ? value : lift(reals, value))),
    };
  });
  const epsilon = launched.scalars.get("epsilon");
  const k = at.scalars["k"];
  return [
    inputs,
    { ...(typeof epsilon === "number" && { epsilon }), ...(launched.scalars.has("k") && k !== undefined && { k }) },
  ];
}

function definitionOf(run: Run): ReadonlyMap<string, RealTensor> | NotDefined | ShapeMismatch {
  try {
    return defineClaim(run.reals, run.bound.claim, ...operandsOf(run));
  } catch (cause) {
    if (cause instanceof NotDefined || cause instanceof ShapeMismatch) return cause;
    throw cause;
  }
}

/** Sizes at which the tensors are none that the operation takes. */
function misfit({ kernel, at, bound }: Run, param: TensorParam, { message }: Error): OutputVerdict {
  const sizes = kernel.dims.map((name) => `${name} = ${at.dims[name]}`).join(", ");
  const text = `${sizes}: ${bound.claim} does not take these shapes: ${message}`;
  const witness: Witness = { dims: at.dims, text, replayed: "the sizes alone are the counterexample" };
  return { output: param.name, verdict: "refuted", span: param.span, witness };
}

/** A verdict where the output is not as defined; how many elements were equal. */
function compareOutput(
  run: Run,
  param: TensorParam,
  definition: RealTensor | undefined,
  reals: Reals,
  { formOf, equal, undefinedIn }: Equality,
): { readonly verdict?: OutputVerdict; readonly elements: number } {
  const memory = run.launched.memories.get(param.name);
  if (memory === undefined || definition === undefined || memory.shape.join() !== definition.shape.join()) {
    const expected = `${param.name} would have the shape [${definition?.shape.join(", ")}]`;
    return { verdict: misfit(run, param, new ShapeMismatch(expected)), elements: 0 };
  }
  for (let address = 0; address < memory.size; address++) {
    const actual = realAt(reals, memory, address);
    const expected = definition.elements[address] ?? reals.zero;
    const [own, wanted] = [formOf(actual), formOf(expected)];
    const why = undefinedIn(own) ?? undefinedIn(wanted);
    if (own === wanted && why === undefined) continue;
    const difference: Difference = {
      array: param.name,
      index: indexOf(memory.shape, address),
      actual,
      expected,
      claim: run.bound.claim,
    };
    const verdict = settle(run, param, memory, difference, () => why === undefined && equal(own, wanted), why);
    if (verdict !== undefined) return { verdict, elements: address };
  }
  return { elements: memory.size };
}

function realAt(reals: Reals, memory: Memory, address: number): number {
  const value = memory.values[address];
  return memory.element === "f32" && typeof value === "number" ? value : lift(reals, value);
}

/** What follows from two forms that are not one; `undefined` where the element is equal after all. */
function settle(
  run: Run,
  param: TensorParam,
  memory: Memory,
  difference: Difference,
  isEqual: () => boolean,
  undefinedBecause: string | undefined,
): OutputVerdict | undefined {
  const { kernel, at, contents, reals, launched } = run;
  const address = difference.index.reduce((place, i, axis) => place * (memory.shape[axis] ?? 0) + i, 0);
  const span = memory.writers[address]?.span ?? param.span;
  const confirm = (values: "finite" | "infinite"): Witness | undefined =>
    confirmDifference(kernel, at, contents, launched, reals, difference, values);
  const refuted = (witness: Witness): OutputVerdict => ({ output: param.name, verdict: "refuted", span, witness });
  // Numbers are quicker than multiplying out what is not equal.
  const witness = confirm("finite");
  if (witness !== undefined) return refuted(witness);
  if (isEqual()) return undefined;
  const other = confirm("infinite");
  if (other !== undefined) return refuted(other);
  const text = describeDifference(kernel, at, contents, reals, difference);
  const reason = undefinedBecause ?? "no rule makes them equal, and no numbers show that they are not";
  return { output: param.name, verdict: "unknown", span, reason: `${text}: ${reason}` };
}

/** The first statement or arm of a choice that no case has executed. */
function unreached(kernel: Kernel, reached: Reached): { readonly reason: string; readonly span: Span } | undefined {
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
  if (gap === undefined) return undefined;
  return { reason: "none of the shapes that were tried gets here", span: gap.span };
}
