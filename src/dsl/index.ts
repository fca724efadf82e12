/**
 * `tokitai/dsl`: the names that a kernel imports.
 *
 * A kernel is read by the compiler and never run as JavaScript: these declarations are for the editor, and each function
 * throws when called. docs/language.md is the reference.
 */

import type { Bound, Choices, Chosen, Dim, Dims, Element, InputParam, Launch, LocalArray, OutputParam, Params, ScalarParam } from "./types.ts";

function compiledOnly(name: string): never {
  throw new Error(`${name} belongs to the kernel language: kernels are compiled by tokitai, not run as JavaScript`);
}

function elementType<Name extends string>(name: Name): Element<Name> {
  return () => compiledOnly(name);
}

/** 32-bit IEEE float; `f32(1)` is a literal, `f32(i)` converts an integer. */
export const f32: Element<"f32"> = elementType("f32");
/** Elements of 32-bit signed integers. */
export const i32: Element<"i32"> = elementType("i32");
/** Elements of 32-bit unsigned integers. */
export const u32: Element<"u32"> = elementType("u32");
/** Elements of 64-bit signed integers. */
export const i64: Element<"i64"> = elementType("i64");
/** 16-bit IEEE float. Not supported yet. */
export const f16: Element<"f16"> = elementType("f16");
/** 16-bit brain float. Not supported yet. */
export const bf16: Element<"bf16"> = elementType("bf16");

/** Declares a kernel: its parameters, how it is launched, and its body, which every thread runs. */
export function kernel<const P extends Params, const C extends Choices = Record<never, readonly number[]>>(
  params: P,
  launch: Launch<NoInfer<P>, C>,
  body: (params: Bound<NoInfer<P>>, dims: Dims<NoInfer<P>>, choices: Chosen<NoInfer<C>>) => void,
): { readonly params: P } {
  return compiledOnly(`kernel(${Object.keys(params).join(", ")}, ${typeof launch}, ${typeof body})`);
}

/** A tensor that the kernel only reads. Two parameters that share a dimension's name share its size. */
export function input<const Shape extends readonly Dim[]>(type: Element<string>, shape: Shape): InputParam<Shape> {
  return compiledOnly(`input(${typeof type}, [${shape.join(", ")}])`);
}
/** A tensor that the kernel writes and does not read before. */
export function output<const Shape extends readonly Dim[]>(type: Element<string>, shape: Shape): OutputParam<Shape> {
  return compiledOnly(`output(${typeof type}, [${shape.join(", ")}])`);
}
/** A tensor that the kernel reads and writes. */
export function inout<const Shape extends readonly Dim[]>(type: Element<string>, shape: Shape): OutputParam<Shape> {
  return compiledOnly(`inout(${typeof type}, [${shape.join(", ")}])`);
}
/** A number passed by value: `f32`, `i32` or `i64`. */
export function scalar(type: Element<string>): ScalarParam {
  return compiledOnly(`scalar(${typeof type})`);
}

/** An index in three axes. */
interface Index3 {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

function index3(name: string): Index3 {
  return {
    get x() {
      return compiledOnly(name);
    },
    get y() {
      return compiledOnly(name);
    },
    get z() {
      return compiledOnly(name);
    },
  };
}

/** The index of this thread in its block. */
export const thread: Index3 = index3("thread");
/** The index of this block in the grid. */
export const block: Index3 = index3("block");

/** An array of constant size that the threads of a block share. Its contents start undefined. */
export function shared<const Shape extends readonly number[]>(type: Element<string>, shape: Shape): LocalArray<Shape> {
  return compiledOnly(`shared(${typeof type}, [${shape.join(", ")}])`);
}
/** An array of constant size in the registers of one thread; its indices are known at compile time. */
export function registers<const Shape extends readonly number[]>(type: Element<string>, shape: Shape): LocalArray<Shape> {
  return compiledOnly(`registers(${typeof type}, [${shape.join(", ")}])`);
}

/** Waits for all threads of the block; orders their accesses to shared and global memory. */
export function barrier(scope?: "shared"): void {
  compiledOnly(`barrier(${scope ?? ""})`);
}

/** ⌈a / b⌉, for integers with b > 0. */
export function ceilDiv(a: number, b: number): number {
  return compiledOnly(`ceilDiv(${a}, ${b})`);
}
/** ⌊a / b⌋ for integers with b > 0. */
export function div(a: number, b: number): number {
  return compiledOnly(`div(${a}, ${b})`);
}
/** a − b·⌊a / b⌋ for integers with b > 0: never negative. */
export function mod(a: number, b: number): number {
  return compiledOnly(`mod(${a}, ${b})`);
}
/** The smaller of two integers or two floats; NaN if either float is. */
export function min(a: number, b: number): number {
  return compiledOnly(`min(${a}, ${b})`);
}
/** The larger of two integers or two floats; NaN if either float is. */
export function max(a: number, b: number): number {
  return compiledOnly(`max(${a}, ${b})`);
}
/** eˣ */
export function exp(x: number): number {
  return compiledOnly(`exp(${x})`);
}
/** The natural logarithm. */
export function log(x: number): number {
  return compiledOnly(`log(${x})`);
}
/** The error function. */
export function erf(x: number): number {
  return compiledOnly(`erf(${x})`);
}
/** The hyperbolic tangent. */
export function tanh(x: number): number {
  return compiledOnly(`tanh(${x})`);
}
/** The square root, correctly rounded. */
export function sqrt(x: number): number {
  return compiledOnly(`sqrt(${x})`);
}
/** The absolute value of a float. */
export function abs(x: number): number {
  return compiledOnly(`abs(${x})`);
}
/** a·b + c with one rounding. */
export function fma(a: number, b: number, c: number): number {
  return compiledOnly(`fma(${a}, ${b}, ${c})`);
}

/** A condition on dimensions and scalars: assumed by the proofs, checked by the launcher. At the start of the body. */
export function requires(condition: boolean): void {
  compiledOnly(`requires(${condition})`);
}
/** A condition that holds whenever the loop's bound is tested: proved, then assumed. At the start of a loop's body. */
export function invariant(condition: boolean): void {
  compiledOnly(`invariant(${condition})`);
}

/** A condition on what the kernel leaves in its outputs. Not supported yet. */
export function ensures(condition: boolean): void {
  compiledOnly(`ensures(${condition})`);
}
/** A condition for every index. Not supported yet. */
export function forall(condition: (index: number) => boolean): boolean {
  return compiledOnly(`forall(${typeof condition})`);
}
/** Which thread writes an element. Not supported yet. */
export function covers(witness: (...index: readonly number[]) => readonly number[]): void {
  compiledOnly(`covers(${typeof witness})`);
}
/** Adds to an integer element, in one step for all threads. Not supported yet. */
export function atomicAdd(element: number, value: number): void {
  compiledOnly(`atomicAdd(${element}, ${value})`);
}

/** Operations among the lanes of a wave. Not supported yet. */
export const wave = {
  sum: (value: number): number => compiledOnly(`wave.sum(${value})`),
  max: (value: number): number => compiledOnly(`wave.max(${value})`),
  shuffleXor: (value: number, mask: number): number => compiledOnly(`wave.shuffleXor(${value}, ${mask})`),
  ballot: (condition: boolean): number => compiledOnly(`wave.ballot(${condition})`),
  barrier: (): void => compiledOnly("wave.barrier()"),
} as const;

/** Several adjacent floats as one value. Not supported yet. */
export function vector(lanes: 2 | 4 | 8 | 16, first: number): number {
  return compiledOnly(`vector(${lanes}, ${first})`);
}
/** A tile of a matrix in the registers of a wave. Not supported yet. */
export function fragment(role: "a" | "b" | "accumulator", type: Element<string>): number {
  return compiledOnly(`fragment(${role}, ${typeof type})`);
}
/** a·b + c on matrix fragments. Not supported yet. */
export function mma(a: number, b: number, c: number): number {
  return compiledOnly(`mma(${a}, ${b}, ${c})`);
}
