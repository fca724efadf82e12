/**
 * Kernel expressions → C, as a kernel's body computes them.
 *
 * Integers have the C type `Index`, the template parameter of a kernel; that they fit it is proved. Floats are `float`.
 * What differs between targets (where a thread's index and its locals live) comes from a `Place`.
 */

import { add, int, mul } from "../../ir/kernel/build.ts";
import { type ElementType, type HalfElement, isHalfElement } from "../../ir/kernel/elements.ts";
import type { Axis, CompareOp, Expr, FloatFunction, FloatOp, IntBinary, LoadExpr } from "../../ir/kernel/expr.ts";
import { ELEMENT_BYTES, vectorAlignment } from "../../ir/kernel/limits.ts";
import { fragmentAccesses } from "../../ir/kernel/matrix.ts";
import { printExpr } from "../../ir/kernel/print.ts";
import { SIMD_LANES } from "../../ir/kernel/simd.ts";
import type { Kernel, LocalArray, RegisterRow, Stmt, TensorParam } from "../../ir/kernel/types.ts";
import { statementExprs, visitExpr, visitStmts } from "../../ir/kernel/walk.ts";
import { InternalError } from "../../support/result.ts";
import { at, binary, type CBinaryOp, type CExpr, type CType, call, cast, name, type, unary } from "./c-ast.ts";
import { type KernelNames, kernelNames } from "./names.ts";
import { isNonNegative, nonNegativeLocals } from "./sign.ts";

export const INDEX: CType = type("Index");

export const ELEMENT_C: Readonly<Record<ElementType, CType>> = {
  f32: type("float"),
  f16: type("tok_half"),
  bf16: type("tok_bf16"),
  i32: type("int32_t"),
  u32: type("uint32_t"),
  i64: type("int64_t"),
};

/** What rounds a float to one that a half holds; by chance with `_at_random` after it (`support-half.ts`). */
const ROUNDING_C: Readonly<Record<HalfElement, string>> = { f16: "tok_round_half", bf16: "tok_round_bf16" };

/** What emission knows of a kernel as a whole. */
export interface Frame {
  readonly kernel: Kernel;
  readonly names: KernelNames;
  readonly tensors: ReadonlyMap<string, TensorParam>;
  readonly arrays: ReadonlyMap<string, LocalArray>;
  /** See `arrayAlignments`. */
  readonly alignments: ReadonlyMap<string, bigint>;
  /** Immutable locals and loop counters that are ≥ 0 wherever they are read. */
  readonly nonNegative: ReadonlySet<string>;
  readonly mutable: ReadonlySet<string>;
  /** The names of locals, dimensions, scalars and arrays that some expression of the body reads or writes. */
  readonly used: ReadonlySet<string>;
}

/** Where the values of one thread live at some point of the text. */
export interface Place {
  readonly local: (name: string) => CExpr;
  readonly thread: (axis: Axis) => CExpr;
  readonly block: (axis: Axis) => CExpr;
  /** A thread's register array, or the block's shared array. */
  readonly array: (name: string) => CExpr;
}

export function frameOf(kernel: Kernel): Frame {
  const tensors = kernel.params.flatMap((p) => (p.kind === "tensor" ? [[p.name, p] as const] : []));
  return {
    kernel,
    names: kernelNames(kernel),
    tensors: new Map(tensors),
    arrays: new Map(kernel.arrays.map((array) => [array.name, array])),
    alignments: arrayAlignments(kernel),
    nonNegative: nonNegativeLocals(kernel),
    ...usesOf(kernel.body),
  };
}

function usesOf(body: readonly Stmt[]): Pick<Frame, "mutable" | "used"> {
  const mutable = new Set<string>();
  const used = new Set<string>();
  visitStmts(body, (stmt) => {
    if (stmt.kind === "let" && stmt.mutable) mutable.add(stmt.name);
    for (const array of arraysTouched(stmt)) used.add(array);
    for (const outer of machineExprs(stmt)) for (const name of namesIn(outer)) used.add(name);
  });
  return { mutable, used };
}

/** The arrays that the statement itself accesses beside those that its expressions read. */
export function arraysTouched(stmt: Stmt): readonly string[] {
  switch (stmt.kind) {
    case "store":
    case "atomic":
      return [stmt.array.name];
    case "vector":
      return [stmt.array.name, stmt.registers.array];
    case "fragment":
      return [stmt.array.name, stmt.target.array];
    case "mma":
      return [stmt.accumulator.array, stmt.a.array, stmt.b.array];
    case "let":
    case "assign":
    case "if":
    case "for":
    case "steps":
    case "barrier":
      return [];
    default:
      stmt satisfies never;
      throw new InternalError("unknown statement");
  }
}

/**
 * The bytes whose multiple each array's address must be: those of an element, or more where vectors are moved. The
 * launcher checks it of tensors, and shared arrays are declared with it.
 */
export function arrayAlignments(kernel: Kernel): ReadonlyMap<string, bigint> {
  const tensors = kernel.params.filter((param) => param.kind === "tensor");
  const elements = new Map([...tensors, ...kernel.arrays].map(({ name: array, element }) => [array, element]));
  const bytes = new Map<string, bigint>([...elements].map(([array, element]) => [array, ELEMENT_BYTES[element]]));
  const demand = (array: string, lanes: bigint): void => {
    const [element, known] = [elements.get(array), bytes.get(array)];
    if (element === undefined || known === undefined) throw new InternalError(`${kernel.name} has no array ${array}`);
    const needed = vectorAlignment(element, lanes);
    if (needed > known) bytes.set(array, needed);
  };
  visitStmts(kernel.body, (stmt) => {
    if (stmt.kind === "vector") demand(stmt.array.name, stmt.lanes);
    if (stmt.kind === "fragment") {
      for (const { lanes } of fragmentAccesses(kernel, stmt)) demand(stmt.array.name, lanes);
    }
  });
  return bytes;
}

/** What a shared array is declared with where its elements' own alignment does not do. */
export function sharedAlignment({ name: array, element, space }: LocalArray, frame: Frame): bigint | undefined {
  const { simd } = frame.kernel;
  const needed = simd === undefined ? frame.alignments.get(array) : SIMD_LANES[simd] * ELEMENT_BYTES.f32;
  return space === "shared" && needed !== undefined && needed > ELEMENT_BYTES[element] ? needed : undefined;
}

/** The expressions that the machine evaluates for the statement itself: all but the invariants of a loop. */
export function machineExprs(stmt: Stmt): readonly Expr[] {
  return stmt.kind === "for" ? [stmt.lo, stmt.hi] : statementExprs(stmt);
}

/** The names that an expression reads, with the shapes of the tensors in it not counted. */
export function namesIn(expr: Expr): ReadonlySet<string> {
  const names = new Set<string>();
  visitExpr(expr, (inner) => {
    if (inner.kind === "local" || inner.kind === "scalar" || inner.kind === "dim") names.add(inner.name);
    if (inner.kind === "load") names.add(inner.array.name);
  });
  return names;
}

export const COMPARE_C: Readonly<Record<CompareOp, CBinaryOp>> = {
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
};

export const FLOAT_OP_C: Readonly<Record<FloatOp, CBinaryOp>> = { add: "+", sub: "-", mul: "*", div: "/" };

/** The functions of math.h, and helpers of the support header where C's own treat NaN differently. */
export const FLOAT_FUNCTION_C: Readonly<Record<FloatFunction, string>> = {
  exp: "expf",
  log: "logf",
  erf: "erff",
  tanh: "tanhf",
  sqrt: "sqrtf",
  abs: "fabsf",
  fma: "fmaf",
  min: "tok_min",
  max: "tok_max",
};

const AXIS_LETTER = ["x", "y", "z"] as const;

/** `thread_x`, `block_y`, `grid_z` */
export function axisName(of: "thread" | "block" | "grid", axis: Axis): string {
  return `${of}_${AXIS_LETTER[axis]}`;
}

export function lowerExpr(expr: Expr, frame: Frame, place: Place): CExpr {
  const lower = (inner: Expr): CExpr => lowerExpr(inner, frame, place);
  switch (expr.kind) {
    case "int":
    case "float":
    case "bool":
      return literal(expr);
    case "dim":
      return name(frame.names.dim(expr.name));
    case "scalar":
      return name(frame.names.value(expr.name));
    case "local":
      return place.local(expr.name);
    case "index":
      return expr.of === "thread" ? place.thread(expr.axis) : place.block(expr.axis);
    case "neg":
      return unary("-", lower(expr.value));
    case "not":
      return unary("!", lower(expr.value));
    case "int-op":
      return lowerIntOp(expr, frame, place);
    case "float-op":
      return binary(FLOAT_OP_C[expr.op], lower(expr.left), lower(expr.right));
    case "compare":
      return binary(COMPARE_C[expr.op], lower(expr.left), lower(expr.right));
    case "logic":
      return binary(expr.op === "and" ? "&&" : "||", lower(expr.left), lower(expr.right));
    case "select": {
      // Two literals would make a C `int`, and arithmetic on the result would be that of `int`.
      const plain = expr.then.kind === "int" && expr.else.kind === "int";
      const then = plain ? cast(INDEX, lower(expr.then)) : lower(expr.then);
      return { kind: "conditional", cond: lower(expr.cond), then, else: lower(expr.else) };
    }
    case "call": {
      const types = expr.fn === "min" || expr.fn === "max" ? [ELEMENT_C.f32] : [];
      return call(FLOAT_FUNCTION_C[expr.fn], expr.args.map(lower), types);
    }
    case "cast":
      return cast(ELEMENT_C.f32, lower(expr.value));
    case "round": {
      const rounding = ROUNDING_C[expr.to];
      return expr.random === undefined
        ? call(rounding, [lower(expr.value)])
        : call(`${rounding}_at_random`, [lower(expr.value), lower(expr.random)]);
    }
    case "random":
      return call("tok_random_bits", expr.args.map(lower), [INDEX]);
    case "load":
      return lowerLoad(expr, frame, place);
    case "ghost":
      throw new InternalError(`${frame.kernel.name} computes ${printExpr(expr)}, which belongs to specifications`);
    default:
      expr satisfies never;
      throw new InternalError("unknown expression");
  }
}

export function literal(expr: Extract<Expr, { readonly kind: "int" | "float" | "bool" }>): CExpr {
  switch (expr.kind) {
    case "int":
      return { kind: "int", value: expr.value };
    case "float":
      return { kind: "float", value: expr.value };
    case "bool":
      return { kind: "bool", value: expr.value };
    default:
      expr satisfies never;
      throw new InternalError("unknown literal");
  }
}

/** `/` and `%` round towards zero in C: they floor where the dividend is ≥ 0. Divisors are proved positive. */
function lowerIntOp(expr: IntBinary, frame: Frame, place: Place): CExpr {
  const left = lowerExpr(expr.left, frame, place);
  const right = lowerExpr(expr.right, frame, place);
  switch (expr.op) {
    case "add":
      return binary("+", left, right);
    case "sub":
      return binary("-", left, right);
    case "mul":
      return binary("*", left, right);
    case "div":
      if (isNonNegative(expr.left, frame.nonNegative)) return binary("/", left, right);
      return call("tok_floor_div", [left, right], [INDEX]);
    case "mod":
      if (isNonNegative(expr.left, frame.nonNegative)) return binary("%", left, right);
      return call("tok_floor_mod", [left, right], [INDEX]);
    case "min":
      return call("tok_min", [left, right], [INDEX]);
    case "max":
      return call("tok_max", [left, right], [INDEX]);
    default:
      expr.op satisfies never;
      throw new InternalError("unknown integer operator");
  }
}

function lowerLoad(expr: LoadExpr, frame: Frame, place: Place): CExpr {
  const element = lowerElement(expr.array, expr.index, frame, place);
  if (expr.type === "int") return cast(INDEX, element);
  // Arithmetic on two halves would be that of halves.
  return isHalfElement(elementOf(expr.array, frame)) ? cast(ELEMENT_C.f32, element) : element;
}

/** A row of a thread's register array, as C writes it. */
export function lowerRow({ array, index }: RegisterRow, frame: Frame, place: Place): CExpr {
  return at(place.array(array), ...index.map((i) => lowerExpr(i, frame, place)));
}

/** The element as C writes it: a tensor is flat and row-major, an array of the kernel keeps its axes. */
export function lowerElement(array: LoadExpr["array"], index: readonly Expr[], frame: Frame, place: Place): CExpr {
  if (array.space !== "global") {
    return at(place.array(array.name), ...index.map((i) => lowerExpr(i, frame, place)));
  }
  const tensor = frame.tensors.get(array.name);
  if (tensor === undefined) throw new InternalError(`${frame.kernel.name} has no tensor ${array.name}`);
  return at(name(frame.names.value(array.name)), lowerExpr(flatIndex(tensor, index), frame, place));
}

/** `(i₀·n₁ + i₁)·n₂ + i₂`: the partial results are those whose fit is proved. */
function flatIndex({ shape }: TensorParam, index: readonly Expr[]): Expr {
  return (
    index.reduce<Expr | undefined>((address, i, axis) => {
      if (address === undefined) return i;
      const extent = shape[axis];
      if (extent === undefined) throw new InternalError("an index of more axes than the tensor has");
      const start = address.kind === "int" && address.value === 0n ? address : mul(address, extent);
      return add(start, i);
    }, undefined) ?? int(0)
  );
}

/** The element type of a tensor or an array of the kernel. */
export function elementOf(array: LoadExpr["array"], frame: Frame): ElementType {
  const found = frame.tensors.get(array.name) ?? frame.arrays.get(array.name);
  if (found === undefined) throw new InternalError(`${frame.kernel.name} has no array ${array.name}`);
  return found.element;
}
