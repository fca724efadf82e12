/**
 * Well-formedness of expressions: an expression and the names in scope → diagnostics.
 *
 * A *place* says what an expression may mention (`PLACES`): a shape dimensions, a launch expression scalar parameters as
 * well, the body everything but ghosts. Specifications read integer elements of tensors alone: an invariant those of an
 * `input`, a condition on data those that are there before the run or, in `ensures`, after it.
 */

import { type Diagnostic, error } from "../../support/diagnostic.ts";
import { InternalError } from "../../support/result.ts";
import type { Span } from "../../support/span.ts";
import { FLOAT_FUNCTIONS, GHOST_FUNCTIONS, RANDOM_ARGUMENTS } from "./build.ts";
import { type ElementType, type HalfElement, isFloat, isHalfElement, type ScalarType, valueType } from "./elements.ts";
import type { ArrayRef, Expr, GhostExpr, GhostFunction, LoadExpr, Space } from "./expr.ts";
import { formatsHolding } from "./half.ts";
import { printExpr } from "./print.ts";
import type { Role } from "./types.ts";
import { children } from "./walk.ts";

export type Place = "shape" | "launch" | "body" | "invariant" | "requires" | "ensures" | "covers";

interface PlaceRules {
  /** As the subject of a message. */
  readonly text: string;
  /** What it may mention, in words. */
  readonly allowed: string;
  readonly scalars: boolean;
  /** Locals, among them the variables of a condition. */
  readonly locals: boolean;
  /** `thread` and `block`. */
  readonly position: boolean;
  /** The tensors whose integer elements a specification may read; `all` memory in the body. */
  readonly reads: "all" | readonly Role[];
  readonly ghosts: readonly GhostFunction[];
}

const COUNTS: readonly GhostFunction[] = ["prefix-sum", "occurrences", "below"];

const LAUNCH: PlaceRules = {
  text: "a launch expression",
  allowed: "dimensions and scalars",
  scalars: true,
  locals: false,
  position: false,
  reads: [],
  ghosts: [],
};

const PLACES: Readonly<Record<Place, PlaceRules>> = {
  shape: { ...LAUNCH, text: "a shape", allowed: "dimensions", scalars: false },
  launch: LAUNCH,
  body: { ...LAUNCH, text: "the body", allowed: "everything", locals: true, position: true, reads: "all" },
  invariant: {
    ...LAUNCH,
    text: "an invariant",
    allowed: "locals, threads and integer inputs",
    locals: true,
    position: true,
    reads: ["input"],
    ghosts: COUNTS,
  },
  requires: {
    ...LAUNCH,
    text: "a condition on data before the run",
    allowed: "its variables, and integer inputs and inouts",
    locals: true,
    reads: ["input", "inout"],
    ghosts: COUNTS,
  },
  ensures: {
    ...LAUNCH,
    text: "a condition on data after the run",
    allowed: "its variables, and integer tensors",
    locals: true,
    reads: ["input", "output", "inout"],
    ghosts: COUNTS,
  },
  covers: {
    ...LAUNCH,
    text: "a covers clause",
    allowed: "its variables, and integer inputs",
    locals: true,
    reads: ["input"],
    ghosts: ["nth-occurrence"],
  },
};

/** What a name stands for. */
export type Declaration =
  | { readonly kind: "dim" }
  | { readonly kind: "scalar"; readonly type: ScalarType }
  | {
      readonly kind: "array";
      readonly space: Space;
      readonly element: ElementType;
      readonly rank: number;
      readonly role: Role | undefined;
    }
  | {
      readonly kind: "local";
      readonly type: ScalarType;
      readonly mutable: boolean;
      /** Its value is known at compile time, once the loops around it are unrolled. */
      readonly constant: boolean;
      /** The half formats that hold its value, of an immutable one. */
      readonly halves: readonly HalfElement[];
    };

export interface CheckContext {
  readonly diagnostics: Diagnostic[];
  /** The names in scope. */
  readonly scope: ReadonlyMap<string, Declaration>;
  readonly place: Place;
}

export function refuse(context: CheckContext, code: string, span: Span, message: string): void {
  context.diagnostics.push(error(code, span, message));
}

/** Checks the expression and everything in it, and that its value has the type that its place asks for. */
export function checkExpr(context: CheckContext, expr: Expr, type: ScalarType): void {
  expectType(context, expr, type);
  checkInside(context, expr);
}

export function checkInside(context: CheckContext, expr: Expr): void {
  checkNode(context, expr);
  for (const child of children(expr)) checkInside(context, child);
}

function expectType(context: CheckContext, expr: Expr, type: ScalarType): void {
  if (expr.type !== type) refuse(context, "TK203", expr.span, `${printExpr(expr)} is ${expr.type}, expected ${type}`);
}

/** The node itself; its children are checked by themselves. */
function checkNode(context: CheckContext, expr: Expr): void {
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
      return;
    case "dim":
      lookUp(context, expr.name, "dim", expr.span);
      return;
    case "scalar": {
      const found = lookUp(context, expr.name, "scalar", expr.span);
      if (!PLACES[context.place].scalars) refuseMention(context, expr);
      if (found) expectType(context, expr, found.type);
      return;
    }
    case "local": {
      if (!PLACES[context.place].locals) {
        refuseMention(context, expr);
        return;
      }
      const found = lookUp(context, expr.name, "local", expr.span);
      if (found) expectType(context, expr, found.type);
      return;
    }
    case "index":
      if (!PLACES[context.place].position) refuseMention(context, expr);
      return;
    case "neg":
      expectType(context, expr.value, expr.type);
      return;
    case "not":
      expectType(context, expr.value, "bool");
      return;
    case "int-op":
    case "float-op":
      expectType(context, expr.left, expr.type);
      expectType(context, expr.right, expr.type);
      return;
    case "compare":
      if (expr.left.type === "bool") {
        refuse(context, "TK203", expr.span, `${printExpr(expr)} compares booleans, expected int or f32`);
      }
      expectType(context, expr.right, expr.left.type);
      return;
    case "logic":
      expectType(context, expr.left, "bool");
      expectType(context, expr.right, "bool");
      return;
    case "select":
      expectType(context, expr.cond, "bool");
      expectType(context, expr.then, expr.type);
      expectType(context, expr.else, expr.type);
      return;
    case "call": {
      const arity = FLOAT_FUNCTIONS[expr.fn];
      if (expr.args.length !== arity) {
        refuse(context, "TK203", expr.span, `${expr.fn} takes ${arity} arguments, got ${expr.args.length}`);
      }
      for (const argument of expr.args) expectType(context, argument, "f32");
      return;
    }
    case "cast":
      expectType(context, expr.value, "int");
      return;
    case "round":
      if (context.place !== "body") refuseMention(context, expr);
      expectType(context, expr.value, "f32");
      if (expr.random !== undefined) expectType(context, expr.random, "int");
      return;
    case "random":
      if (context.place !== "body") refuseMention(context, expr);
      if (expr.args.length !== RANDOM_ARGUMENTS) {
        refuse(context, "TK203", expr.span, `randomBits takes ${RANDOM_ARGUMENTS} arguments, got ${expr.args.length}`);
      }
      for (const argument of expr.args) expectType(context, argument, "int");
      return;
    case "load":
      checkLoad(context, expr);
      return;
    case "ghost":
      checkGhost(context, expr);
      return;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function checkLoad(context: CheckContext, expr: LoadExpr): void {
  const { reads } = PLACES[context.place];
  if (reads.length === 0) {
    refuseMention(context, expr);
    return;
  }
  const found = checkElement(context, expr.array, expr.index, expr.span);
  if (found === undefined) return;
  expectType(context, expr, valueType(found.element));
  if (reads === "all") return;
  const readable = found.role !== undefined && reads.includes(found.role) && !isFloat(found.element);
  if (readable) return;
  const { text, allowed } = PLACES[context.place];
  refuse(context, "TK214", expr.span, `${text} reads ${printExpr(expr)}; it may read ${allowed} only`);
}

/** A ghost's array does not change during a run, so that its value is the same wherever it is mentioned. */
function checkGhost(context: CheckContext, expr: GhostExpr): void {
  const text = printExpr(expr);
  if (!PLACES[context.place].ghosts.includes(expr.fn)) {
    const where = expr.fn === "nth-occurrence" ? "a covers clause" : "specifications";
    refuse(context, "TK215", expr.span, `${text} stands outside of ${where}`);
  }
  const arity = GHOST_FUNCTIONS[expr.fn];
  if (expr.args.length !== arity) {
    refuse(context, "TK203", expr.span, `${text} has ${expr.args.length} arguments after its array, expected ${arity}`);
  }
  for (const argument of expr.args) expectType(context, argument, "int");
  const found = lookUp(context, expr.array.name, "array", expr.span);
  if (found && (found.role !== "input" || isFloat(found.element) || found.rank !== 1)) {
    refuse(context, "TK215", expr.span, `${text} counts in ${expr.array.name}, which is no integer input of rank 1`);
  }
}

/** An array element, read or written: declared, of this space and rank, with indices that its space allows. */
export function checkElement(
  context: CheckContext,
  array: ArrayRef,
  index: readonly Expr[],
  span: Span,
): Extract<Declaration, { kind: "array" }> | undefined {
  for (const i of index) expectType(context, i, "int");
  const found = lookUp(context, array.name, "array", span);
  if (found === undefined) return undefined;
  if (found.space !== array.space) {
    refuse(context, "TK202", span, `${array.name} is a ${found.space} array, not a ${array.space} one`);
  }
  if (found.rank !== index.length) {
    refuse(context, "TK204", span, `${array.name} has rank ${found.rank}, indexed by ${index.length}`);
  }
  if (found.space === "register") {
    for (const i of index) {
      if (isConstant(context, i)) continue;
      const message = `the register array ${array.name} is indexed by ${printExpr(i)}, which no unrolling makes constant`;
      refuse(context, "TK212", i.span, message);
    }
  }
  return found;
}

/** Whether the value is one that `element` holds without rounding: of what a half holds, how it came about must show. */
export function isStorable(context: CheckContext, expr: Expr, element: ElementType): boolean {
  return !isHalfElement(element) || halvesOf(context, expr).includes(element);
}

/** The half formats that hold the value, as far as it shows. */
export function halvesOf(context: CheckContext, expr: Expr): readonly HalfElement[] {
  const local = (name: string): readonly HalfElement[] => {
    const found = context.scope.get(name);
    return found?.kind === "local" ? found.halves : [];
  };
  const elementOf = (array: string): ElementType | undefined => {
    const found = context.scope.get(array);
    return found?.kind === "array" ? found.element : undefined;
  };
  return formatsHolding({ local, element: elementOf }, expr);
}

/** An integer of literals and of counters of unrolled loops over such integers. */
export function isConstant(context: CheckContext, expr: Expr): boolean {
  switch (expr.kind) {
    case "int":
      return true;
    case "local": {
      const found = context.scope.get(expr.name);
      return found?.kind === "local" && found.constant;
    }
    case "neg":
    case "int-op":
      return children(expr).every((child) => isConstant(context, child));
    case "float":
    case "bool":
    case "dim":
    case "scalar":
    case "index":
    case "not":
    case "float-op":
    case "compare":
    case "logic":
    case "select":
    case "call":
    case "cast":
    case "round":
    case "random":
    case "load":
    case "ghost":
      return false;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

/** A sum of dimensions times literals, and literals. */
export function isLinear(expr: Expr): boolean {
  switch (expr.kind) {
    case "int":
    case "dim":
      return true;
    case "neg":
      return isLinear(expr.value);
    case "int-op":
      if (expr.op === "add" || expr.op === "sub") return isLinear(expr.left) && isLinear(expr.right);
      if (expr.op !== "mul") return false;
      return (expr.left.kind === "int" && isLinear(expr.right)) || (expr.right.kind === "int" && isLinear(expr.left));
    case "float":
    case "bool":
    case "scalar":
    case "local":
    case "index":
    case "not":
    case "float-op":
    case "compare":
    case "logic":
    case "select":
    case "call":
    case "cast":
    case "round":
    case "random":
    case "load":
    case "ghost":
      return false;
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

function lookUp<K extends Declaration["kind"]>(
  context: CheckContext,
  name: string,
  kind: K,
  span: Span,
): Extract<Declaration, { kind: K }> | undefined {
  const found = context.scope.get(name);
  if (found !== undefined && isOf(found, kind)) return found;
  const fact =
    found === undefined ? `no ${kind} ${name} is in scope here` : `${name} is no ${kind} but a ${found.kind}`;
  refuse(context, "TK202", span, fact);
  return undefined;
}

function isOf<K extends Declaration["kind"]>(
  declaration: Declaration,
  kind: K,
): declaration is Extract<Declaration, { kind: K }> {
  return declaration.kind === kind;
}

function refuseMention(context: CheckContext, expr: Expr): void {
  const { text, allowed } = PLACES[context.place];
  refuse(context, "TK210", expr.span, `${text} mentions ${printExpr(expr)}; it may mention ${allowed} only`);
}
