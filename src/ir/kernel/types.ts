/**
 * Kernel IR: one GPU kernel as a structured program over symbolic dimensions.
 *
 *   Kernel ::= params dims where requires data-requires ensures covers grid block shared registers body
 *   Stmt   ::= let x = e | x = e | array[e…] = e | atomic op array[e…] e | vector registers ↔ array[e…]
 *            | fragment row ← array[e…] | mma row += row · row
 *            | if (e) S else S | for (k = e; k < e; k += c) S | steps (k in c, c, …) S | barrier scope
 *   Expr   ::= literal | dim | scalar | local | thread.a | block.a | op e… | e ? e : e | fn(e…) | cast(e) | array[e…]
 *            | round e (by e) | random(e, e, e, e) | ghost fn(array, e…)
 *   Data   ::= forall (v < e, …) e
 *
 * What the terms mean:
 * - Integers are mathematical (`int`): that they fit the machine is an obligation, not a property of the IR.
 *   `/` exists on floats only; `div` and `mod` floor.
 * - A loop's bound is evaluated once, before the loop; its counter is immutable in the body; its step is a positive
 *   constant. So every loop ends.
 * - `steps` runs its body for each constant of a geometric sequence, as in a tree reduction.
 * - A `local` is immutable (`let` with `mutable: false`), or mutable and scoped to the block that declares it.
 * - An early return is expressed by `if`: what follows it stands in the other branch. So the IR has no jumps.
 * - `barrier` waits for all threads of the block and orders their shared and global accesses. With scope `wave` it
 *   orders only those of threads of one wave; all threads of the block reach it all the same.
 * - `atomic` changes an integer element as one indivisible step and returns nothing. An addition wraps at the element's
 *   width, so that it cannot overflow.
 * - `vector` moves consecutive elements between registers and memory in one access, whose address is a multiple of its
 *   size.
 * - A *row* of a register array is all of its last axis at an index of the others.
 * - `fragment` and `mma` are collective: all threads of the block reach them, and those of a wave run them together
 *   (`matrix.ts` says what its lanes hold). They order no accesses.
 * - A ghost is a mathematical function of an index tensor's contents; it stands in specifications alone.
 * - `&&`, `||` and `select` evaluate from left to right and only as far as needed.
 *
 * Nodes are made by `build.ts` alone and are frozen.
 */

import type { Span } from "../../support/span.ts";
import type { ElementType, FloatElement, ScalarType } from "./elements.ts";
import type { ArrayRef, Expr } from "./expr.ts";
import type { FragmentRole, MatrixUnit } from "./matrix.ts";
import type { SimdUnit } from "./simd.ts";

export interface LetStmt {
  readonly kind: "let";
  readonly name: string;
  readonly type: ScalarType;
  readonly mutable: boolean;
  readonly value: Expr;
  readonly span: Span;
}
export interface AssignStmt {
  readonly kind: "assign";
  readonly name: string;
  readonly type: ScalarType;
  readonly value: Expr;
  readonly span: Span;
}
/** `array[index…] = value`; the span is that of the element on the left. */
export interface StoreStmt {
  readonly kind: "store";
  readonly array: ArrayRef;
  readonly index: readonly Expr[];
  readonly value: Expr;
  readonly span: Span;
}
export type AtomicOp = "add" | "min" | "max";

/** `array[index…] = op(array[index…], value)` in one indivisible step; integer elements of shared or global memory. */
export interface AtomicStmt {
  readonly kind: "atomic";
  readonly op: AtomicOp;
  readonly array: ArrayRef;
  readonly index: readonly Expr[];
  readonly value: Expr;
  readonly span: Span;
}
/** All elements of a register array's last axis, at an index of the axes before. */
export interface RegisterRow {
  readonly array: string;
  readonly index: readonly Expr[];
}
/**
 * Moves `lanes` consecutive elements between a row of registers of that extent and shared or global memory from
 * `array[index…]` on; they lie in one row of the array's last axis.
 */
export interface VectorStmt {
  readonly kind: "vector";
  readonly direction: "load" | "store";
  readonly registers: RegisterRow;
  readonly lanes: bigint;
  readonly array: ArrayRef;
  readonly index: readonly Expr[];
  readonly span: Span;
}
/**
 * Each lane reads its elements of the operand fragment `target` from the tile of shared or global memory that begins at
 * `array[index…]`: 16 rows along the axis before the last, 16 elements along the last. The tile is the same for all
 * lanes of a wave.
 */
export interface FragmentStmt {
  readonly kind: "fragment";
  readonly target: RegisterRow;
  readonly array: ArrayRef;
  readonly index: readonly Expr[];
  readonly span: Span;
}
/** `accumulator += a · b` of the fragments of each wave; products are added in an order of the hardware's. */
export interface MmaStmt {
  readonly kind: "mma";
  readonly accumulator: RegisterRow;
  readonly a: RegisterRow;
  readonly b: RegisterRow;
  readonly span: Span;
}
export interface IfStmt {
  readonly kind: "if";
  readonly cond: Expr;
  readonly then: readonly Stmt[];
  readonly else: readonly Stmt[];
  readonly span: Span;
}
/** `for (counter = lo; counter < hi; counter += step)`, with `step` > 0; `unroll` asks the emitter to expand it. */
export interface ForStmt {
  readonly kind: "for";
  readonly counter: string;
  readonly lo: Expr;
  readonly hi: Expr;
  readonly step: bigint;
  readonly unroll: boolean;
  /** Hold whenever the bound is tested; proved, then assumed in the body and after the loop. */
  readonly invariants: readonly Expr[];
  readonly body: readonly Stmt[];
  readonly span: Span;
}
/** The body for each of `values`, which is geometric: each is its predecessor `* factor` or `div factor`. */
export interface StepsStmt {
  readonly kind: "steps";
  readonly counter: string;
  readonly values: readonly bigint[];
  readonly update: { readonly op: "mul" | "div"; readonly factor: bigint };
  readonly body: readonly Stmt[];
  readonly span: Span;
}
export interface BarrierStmt {
  readonly kind: "barrier";
  readonly scope: BarrierScope;
  readonly span: Span;
}

export type BarrierScope = "block" | "wave";

export type Stmt =
  | LetStmt
  | AssignStmt
  | StoreStmt
  | AtomicStmt
  | VectorStmt
  | FragmentStmt
  | MmaStmt
  | IfStmt
  | ForStmt
  | StepsStmt
  | BarrierStmt;

/** `input` is only read; `output` is written, never read before; `inout` is both. Tensors are pairwise disjoint. */
export type Role = "input" | "output" | "inout";

export interface TensorParam {
  readonly kind: "tensor";
  readonly name: string;
  readonly role: Role;
  readonly element: ElementType;
  /** One linear expression over dimensions per axis, outermost first; row-major, no padding. */
  readonly shape: readonly Expr[];
  readonly span: Span;
}
export interface ScalarParam {
  readonly kind: "scalar";
  readonly name: string;
  readonly element: "f32" | "i32" | "i64";
  readonly span: Span;
}
export type Param = TensorParam | ScalarParam;

/** An array of fixed size: shared by a block, or in the registers of a thread. Contents start undefined. */
export interface LocalArray {
  readonly space: "shared" | "register";
  readonly name: string;
  readonly element: FloatElement | "i32";
  readonly shape: readonly bigint[];
  /** Each row of it is a thread's part of a fragment; operands are written by `fragment` and read by `mma` alone. */
  readonly fragment?: FragmentRole;
  readonly span: Span;
}

/** A dimension that is defined by others, as in `where(T = B*K)`; the launcher checks the equation. */
export interface WhereClause {
  readonly dim: string;
  readonly value: Expr;
  readonly span: Span;
}

/**
 * A condition on the contents of index tensors: for all values of `variables` with 0 ≤ variable < extent. The variables
 * are locals of `condition`; extents mention dimensions and scalars.
 */
export interface DataCondition {
  readonly variables: readonly { readonly name: string; readonly extent: Expr }[];
  readonly condition: Expr;
  readonly span: Span;
}

/**
 * Names who writes an element of an output: for the element at `variables`, this block and thread, in the iteration
 * where the named loop counters have these values. What it leaves out is found by inverting the store's index.
 */
export interface CoversClause {
  readonly array: string;
  /** One per axis: locals of the expressions. */
  readonly variables: readonly string[];
  readonly block?: readonly Expr[];
  readonly thread?: readonly Expr[];
  readonly counters: readonly { readonly name: string; readonly value: Expr }[];
  readonly span: Span;
}

/** The most that an instance of a kernel may use of a GPU; what is not named is not limited. */
export interface Budget {
  /** Registers per lane and per wave, bytes of LDS per block, bytes of scratch memory per lane. */
  readonly limits: readonly { readonly resource: BudgetedResource; readonly most: bigint }[];
  readonly span: Span;
}
export const BUDGETED = ["vgprs", "sgprs", "lds", "scratch"] as const;
export type BudgetedResource = (typeof BUDGETED)[number];

/** A tensor, and how long the runs of memory are in which it is accessed. */
export interface Segment {
  readonly tensor: string;
  readonly bytes: bigint;
}

/** Arrays of which the threads of a wave make the best use: proved (`verify/kinds/performance.ts`). */
export interface Performance {
  /** Tensors that a wave accesses side by side. */
  readonly coalesced: readonly string[];
  /** Tensors that threads which fill a segment of memory together access side by side. */
  readonly segments: readonly Segment[];
  /** Shared arrays that a wave accesses without two words of one bank. */
  readonly conflictFree: readonly string[];
  readonly span: Span;
}

export type Triple<T> = readonly [T, T, T];

export interface Kernel {
  /** The exported name, with the values of `params` appended: `linear` or `linear_TILE32`. */
  readonly name: string;
  readonly doc: string;
  readonly params: readonly Param[];
  /** In the order of their first appearance in `params`. */
  readonly dims: readonly string[];
  readonly where: readonly WhereClause[];
  /** Boolean expressions over dimensions and scalar parameters, checked by the launcher. */
  readonly requires: readonly Expr[];
  /** Of index tensors' contents before the kernel runs; proved by whoever made them, else checked by the launcher. */
  readonly dataRequires: readonly DataCondition[];
  /** Of index tensors' contents after it has run; proved. */
  readonly ensures: readonly DataCondition[];
  readonly covers: readonly CoversClause[];
  /** The tensor operation that the kernel claims to compute. */
  readonly computes: string | undefined;
  /** `i32`: the author demands 32-bit indices; `auto`: both instances, chosen at launch. */
  readonly indexWidth: "i32" | "auto";
  /** Whose matrix instructions the instance uses; absent without fragments. */
  readonly matrix: MatrixUnit | undefined;
  /** Whose registers the instance's rows fill, for CPUs alone; absent where any processor does. */
  readonly simd: SimdUnit | undefined;
  readonly performance: Performance | undefined;
  /** Says nothing of what the kernel computes: it is not printed, and no proof depends on it. */
  readonly budget: Budget | undefined;
  readonly grid: Triple<Expr>;
  readonly block: Triple<bigint>;
  readonly arrays: readonly LocalArray[];
  readonly body: readonly Stmt[];
  readonly span: Span;
}
