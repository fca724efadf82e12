/**
 * Names of the kernel language that are reserved: the editor knows them, the compiler refuses each by name.
 */

import { notRun } from "./not-run.ts";
import type { Element, ReadArray, WriteArray } from "./types.ts";

/** Half precision (IEEE binary16). Reserved. */
export const f16: Element<"f16"> = Object.assign((_value: number): number => notRun("f16"), {
  element: "f16" as const,
});

/** Brain float: the upper half of an f32. Reserved. */
export const bf16: Element<"bf16"> = Object.assign((_value: number): number => notRun("bf16"), {
  element: "bf16" as const,
});

/** A condition that holds of the outputs when the kernel ends. Reserved. */
export function ensures(_condition: boolean): void {
  notRun("ensures");
}

/** A condition on every element of an index tensor. Reserved. */
export function forall(_predicate: (index: number) => boolean): boolean {
  return notRun("forall");
}

/** Names the thread that writes an element, as the witness of coverage. Reserved. */
export function covers(..._indices: readonly number[]): void {
  notRun("covers");
}

/** Adds to an integer element as one indivisible step. Reserved. */
export function atomicAdd(_array: WriteArray<[number]>, _index: number, _value: number): void {
  notRun("atomicAdd");
}

/** Operations among the lanes of a wave. */
export interface Wave {
  sum(value: number): number;
  max(value: number): number;
  shuffleXor(value: number, mask: number): number;
  ballot(condition: boolean): number;
  barrier(): void;
}

/** Operations among the lanes of a wave. Reserved. */
export const wave: Wave = {
  sum: (_value) => notRun("wave.sum"),
  max: (_value) => notRun("wave.max"),
  shuffleXor: (_value, _mask) => notRun("wave.shuffleXor"),
  ballot: (_condition) => notRun("wave.ballot"),
  barrier: () => notRun("wave.barrier"),
};

/** Several consecutive elements, read and written at once. */
export interface Vector<Lanes extends number> {
  readonly lanes: Lanes;
}

/** A vector of two floats. Reserved. */
export function f32x2(_a: number, _b: number): Vector<2> {
  return notRun("f32x2");
}

/** A vector of four floats. Reserved. */
export function f32x4(_a: number, _b: number, _c: number, _d: number): Vector<4> {
  return notRun("f32x4");
}

/** Reads `lanes` consecutive elements. Reserved. */
export function loadVector<Lanes extends 2 | 4 | 8 | 16>(
  _array: ReadArray<[number]>,
  _index: number,
  _lanes: Lanes,
): Vector<Lanes> {
  return notRun("loadVector");
}

/** Writes consecutive elements. Reserved. */
export function storeVector(_array: WriteArray<[number]>, _index: number, _value: Vector<number>): void {
  notRun("storeVector");
}

/** A part of a matrix, spread over the lanes of a wave. */
export interface Fragment {
  readonly rows: number;
  readonly columns: number;
}

/** A matrix fragment. Reserved. */
export function fragment(_element: Element<string>, _shape: readonly [number, number]): Fragment {
  return notRun("fragment");
}

/** a·b + c on matrix fragments. Reserved. */
export function mma(_a: Fragment, _b: Fragment, _c: Fragment): Fragment {
  return notRun("mma");
}
