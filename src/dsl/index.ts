/**
 * The names that a kernel file imports from `tokitai/dsl`.
 *
 * Kernels are type-checked by the editor and read by the compiler, never evaluated: every function here throws at run
 * time. docs/language.md is the reference.
 */

import { type WaveReductions, waveReductions } from "./later.ts";
import { notRun } from "./not-run.ts";
import type {
  AnyElement,
  Arguments,
  Choices,
  Dims,
  Element,
  Index,
  KernelSource,
  Launch,
  Params,
  RegisterArray,
  ScalarParam,
  Shape,
  TensorParam,
  Values,
  VectorSizes,
  WaveBarrier,
  WriteArray,
} from "./types.ts";

export {
  below,
  covers,
  ensures,
  forall,
  implies,
  invariant,
  nthOccurrence,
  occurrences,
  prefixSum,
  requires,
} from "./conditions.ts";
export type { Vector, WaveReductions } from "./later.ts";
export { f32x2, f32x4 } from "./later.ts";
export type { FragmentArray, FragmentRole } from "./matrix.ts";
export { fragment, loadFragment, matrix, mma } from "./matrix.ts";
export { bf16, f16, randomBits, stochasticRound } from "./rounding.ts";
export { simd } from "./simd.ts";
export type * from "./types.ts";

/** Single precision (IEEE binary32); `f32(i)` is the float nearest to the integer `i`, `f32(0)` a float literal. */
export const f32: Element<"f32"> = Object.assign((_value: number): number => notRun("f32"), {
  element: "f32" as const,
});

/** Signed 32-bit integers in memory; an `int` once loaded. */
export const i32: Element<"i32"> = Object.assign((_value: number): number => notRun("i32"), {
  element: "i32" as const,
});

/** Unsigned 32-bit integers in memory; an `int` once loaded. */
export const u32: Element<"u32"> = Object.assign((_value: number): number => notRun("u32"), {
  element: "u32" as const,
});

/** Signed 64-bit integers in memory; an `int` once loaded. */
export const i64: Element<"i64"> = Object.assign((_value: number): number => notRun("i64"), {
  element: "i64" as const,
});

/** A tensor that the kernel only reads. Dimensions are outermost first; two parameters that share a name share it. */
export function input<const S extends Shape>(_element: AnyElement, _shape: S): TensorParam<"input", S> {
  return notRun("input");
}

/** A tensor that the kernel writes, and does not read before it has written it. */
export function output<const S extends Shape>(_element: AnyElement, _shape: S): TensorParam<"output", S> {
  return notRun("output");
}

/** A tensor that the kernel reads and writes. */
export function inout<const S extends Shape>(_element: AnyElement, _shape: S): TensorParam<"inout", S> {
  return notRun("inout");
}

/** A number given at launch, the same for all threads: `f32`, `i32` or `i64`. */
export function scalar(_element: AnyElement): ScalarParam {
  return notRun("scalar");
}

/**
 * Declares a kernel: its parameters, its launch, and its body.
 *
 * The body is run by every thread of every block. It is given the parameters, the sizes of the dimensions, and the
 * values of the compile-time parameters, each by name.
 */
export function kernel<const P extends Params, const Q extends Choices = Record<never, never>>(
  _params: P,
  _launch: Launch<NoInfer<P>, Q>,
  _body: (args: Arguments<NoInfer<P>>, dims: Dims<NoInfer<P>>, values: Values<NoInfer<Q>>) => void,
): KernelSource<P> {
  return notRun("kernel");
}

/** The index of this thread in its block. */
export const thread: Index = indices("thread");

/** The index of this block in the grid. */
export const block: Index = indices("block");

/** An array of constant size, shared by the threads of a block. Its contents start undefined. */
export function shared<const S extends readonly [number, ...number[]]>(_element: AnyElement, _shape: S): WriteArray<S> {
  return notRun("shared");
}

/** An array of constant size in the registers of one thread. Its indices are known at compile time. */
export function registers<const S extends readonly [number, ...number[]]>(
  _element: AnyElement,
  _shape: S,
): RegisterArray<S> {
  return notRun("registers");
}

/**
 * Waits for all threads of the block, and orders their accesses to shared and to global memory.
 * The scope `"shared"`, which would order shared memory alone, is reserved.
 */
export function barrier(_scope?: "shared"): void {
  notRun("barrier");
}

/** `wave.barrier()` orders the accesses of the threads of one wave; the other operations of a wave are reserved. */
export const wave: WaveBarrier & WaveReductions = { ...waveReductions, barrier: () => notRun("wave.barrier") };

/**
 * `element = element + value` as one indivisible step, on an integer element of a shared, `inout` or `output` array;
 * the sum wraps at the element's width. A statement: it gives no value, since the order of atomics is nobody's.
 */
export function atomicAdd(_element: number, _value: number): void {
  notRun("atomicAdd");
}

/** `element = min(element, value)` as one indivisible step; see `atomicAdd`. */
export function atomicMin(_element: number, _value: number): void {
  notRun("atomicMin");
}

/** `element = max(element, value)` as one indivisible step; see `atomicAdd`. */
export function atomicMax(_element: number, _value: number): void {
  notRun("atomicMax");
}

/**
 * Reads the whole register array, of 2, 4, 8 or 16 elements, from consecutive elements of a row, the given one first.
 * One access: its address is a multiple of its size.
 */
export function loadVector<const S extends readonly [number]>(
  _registers: RegisterArray<S> & VectorSizes<S>,
  _element: number,
): void {
  notRun("loadVector");
}

/** Writes the whole register array to consecutive elements of a row, the given one first; see `loadVector`. */
export function storeVector<const S extends readonly [number]>(
  _element: number,
  _registers: RegisterArray<S> & VectorSizes<S>,
): void {
  notRun("storeVector");
}

/** ⌈a / b⌉ for integers, b > 0. */
export function ceilDiv(_a: number, _b: number): number {
  return notRun("ceilDiv");
}

/** ⌊a / b⌋ for integers. */
export function div(_a: number, _b: number): number {
  return notRun("div");
}

/** a − b·⌊a / b⌋ for integers: between 0 and b − 1 for b > 0. */
export function mod(_a: number, _b: number): number {
  return notRun("mod");
}

/** The smaller of two integers or of two floats; of floats, NaN where either is NaN. */
export function min(_a: number, _b: number): number {
  return notRun("min");
}

/** The larger of two integers or of two floats; of floats, NaN where either is NaN. */
export function max(_a: number, _b: number): number {
  return notRun("max");
}

/** eˣ of a float. */
export function exp(_x: number): number {
  return notRun("exp");
}

/** The natural logarithm of a float. */
export function log(_x: number): number {
  return notRun("log");
}

/** The error function of a float: 2/√π · ∫₀ˣ e^(−t²) dt. */
export function erf(_x: number): number {
  return notRun("erf");
}

/** The hyperbolic tangent of a float. */
export function tanh(_x: number): number {
  return notRun("tanh");
}

/** The square root of a float. */
export function sqrt(_x: number): number {
  return notRun("sqrt");
}

/** The absolute value of a float. */
export function abs(_x: number): number {
  return notRun("abs");
}

/** a·b + c of floats, rounded once. */
export function fma(_a: number, _b: number, _c: number): number {
  return notRun("fma");
}

function indices(name: string): Index {
  return {
    get x(): number {
      return notRun(`${name}.x`);
    },
    get y(): number {
      return notRun(`${name}.y`);
    },
    get z(): number {
      return notRun(`${name}.z`);
    },
  };
}
