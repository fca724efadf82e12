/**
 * Expressions of the kernel IR.
 *
 * Integers are mathematical: that they fit the machine is an obligation, not a property of the IR. `&&`, `||` and
 * `select` evaluate from left to right and only as far as needed. Nodes are made by `build.ts` alone and are frozen.
 */

import type { Span } from "../../support/span.ts";
import type { HalfElement, ScalarType } from "./elements.ts";

export type Axis = 0 | 1 | 2;

/** Unary and binary float functions; each is a primitive with an error bound per target. */
export type FloatFunction = "exp" | "log" | "erf" | "tanh" | "sqrt" | "abs" | "min" | "max" | "fma";

export type ArithmeticOp = "add" | "sub" | "mul";
export type IntOp = ArithmeticOp | "div" | "mod" | "min" | "max";
export type FloatOp = ArithmeticOp | "div";
export type CompareOp = "lt" | "le" | "gt" | "ge" | "eq" | "ne";

/** Where an array lives. Global arrays are tensor parameters; register arrays belong to one thread. */
export type Space = "global" | "shared" | "register";

export interface ArrayRef {
  readonly space: Space;
  readonly name: string;
}

/** Known at compile time. Floats are the exact value written in the source, rounded to f32 when emitted. */
export interface IntLiteral {
  readonly kind: "int";
  readonly type: "int";
  readonly value: bigint;
  readonly span: Span;
}
export interface FloatLiteral {
  readonly kind: "float";
  readonly type: "f32";
  readonly value: number;
  readonly span: Span;
}
export interface BoolLiteral {
  readonly kind: "bool";
  readonly type: "bool";
  readonly value: boolean;
  readonly span: Span;
}
/** A dimension's size: the same for all threads, ≥ 0. */
export interface DimExpr {
  readonly kind: "dim";
  readonly type: "int";
  readonly name: string;
  readonly span: Span;
}
/** A scalar parameter of the kernel: the same for all threads. */
export interface ScalarExpr {
  readonly kind: "scalar";
  readonly type: ScalarType;
  readonly name: string;
  readonly span: Span;
}
/** A local value or a loop counter. Names are unique within a kernel. */
export interface LocalExpr {
  readonly kind: "local";
  readonly type: ScalarType;
  readonly name: string;
  readonly span: Span;
}
/** `thread.x` … `block.z`: the index of the thread in its block, and of the block in the grid. */
export interface IndexExpr {
  readonly kind: "index";
  readonly type: "int";
  readonly of: "thread" | "block";
  readonly axis: Axis;
  readonly span: Span;
}
export interface NegExpr {
  readonly kind: "neg";
  readonly type: "int" | "f32";
  readonly value: Expr;
  readonly span: Span;
}
export interface NotExpr {
  readonly kind: "not";
  readonly type: "bool";
  readonly value: Expr;
  readonly span: Span;
}
export interface IntBinary {
  readonly kind: "int-op";
  readonly type: "int";
  readonly op: IntOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}
export interface FloatBinary {
  readonly kind: "float-op";
  readonly type: "f32";
  readonly op: FloatOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}
/** Both sides have the same type, `int` or `f32`. A comparison with NaN is false, but for `ne`. */
export interface CompareExpr {
  readonly kind: "compare";
  readonly type: "bool";
  readonly op: CompareOp;
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}
export interface LogicExpr {
  readonly kind: "logic";
  readonly type: "bool";
  readonly op: "and" | "or";
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}
/** `cond ? then : else`; only the chosen branch is evaluated. */
export interface SelectExpr {
  readonly kind: "select";
  readonly type: ScalarType;
  readonly cond: Expr;
  readonly then: Expr;
  readonly else: Expr;
  readonly span: Span;
}
export interface CallExpr {
  readonly kind: "call";
  readonly type: "f32";
  readonly fn: FloatFunction;
  readonly args: readonly Expr[];
  readonly span: Span;
}
/** `f32(i)`: an integer to the nearest float. */
export interface CastExpr {
  readonly kind: "cast";
  readonly type: "f32";
  readonly value: Expr;
  readonly span: Span;
}
/**
 * `value` rounded to a float that `to` holds: to the nearest one, of two equally near ones to the even one; or, given
 * `random`, to one of the two neighbours by chance (`half-formats.ts`).
 */
export interface RoundExpr {
  readonly kind: "round";
  readonly type: "f32";
  readonly to: HalfElement;
  readonly value: Expr;
  /** An integer that decides; uniform on 0 ≤ random < 2³¹, the rounding is right on average. */
  readonly random?: Expr;
  readonly span: Span;
}
/** An integer 0 ≤ i < 2³¹ that looks random and is a function of its four arguments (`philox.ts`). */
export interface RandomExpr {
  readonly kind: "random";
  readonly type: "int";
  /** seed, stream, step, index */
  readonly args: readonly Expr[];
  readonly span: Span;
}
export interface LoadExpr {
  readonly kind: "load";
  readonly type: ScalarType;
  readonly array: ArrayRef;
  readonly index: readonly Expr[];
  readonly span: Span;
}

/**
 * `prefix-sum(a, i)`: Σ a[j] over 0 ≤ j < i. `occurrences(a, i, v)`: how many j with 0 ≤ j < i have a[j] = v.
 * `below(a, i, v)`: how many have a[j] < v. `a` is an integer `input` of rank 1, and 0 ≤ i ≤ its length.
 * `nth-occurrence(a, i, v, n)`: the j with 0 ≤ j < i, a[j] = v and occurrences(a, j, v) = n, where 0 ≤ n < occurrences(a, i, v);
 * elsewhere nothing is known of it. It stands in `covers` alone, and is never evaluated.
 */
export interface GhostExpr {
  readonly kind: "ghost";
  readonly type: "int";
  readonly fn: GhostFunction;
  readonly array: ArrayRef;
  readonly args: readonly Expr[];
  readonly span: Span;
}

export type GhostFunction = "prefix-sum" | "occurrences" | "below" | "nth-occurrence";

export type Expr =
  | IntLiteral
  | FloatLiteral
  | BoolLiteral
  | DimExpr
  | ScalarExpr
  | LocalExpr
  | IndexExpr
  | NegExpr
  | NotExpr
  | IntBinary
  | FloatBinary
  | CompareExpr
  | LogicExpr
  | SelectExpr
  | CallExpr
  | CastExpr
  | RoundExpr
  | RandomExpr
  | LoadExpr
  | GhostExpr;
