/**
 * What a kernel demands, promises and states of itself: conditions on sizes and on the contents of index tensors.
 *
 * `requires`, `ensures` and `covers` stand at the start of the body, `invariant` at the start of a loop's.
 */

import { notRun } from "./not-run.ts";
import type { Forall, IndicesOf, ReadArray, Variables, Witness } from "./types.ts";

/**
 * A condition before the kernel runs: on dimensions and scalars, checked by the launcher; or on elements of integer
 * inputs and inouts, proved by whoever made them or checked by the launcher.
 */
export function requires(_condition: boolean): void;
export function requires(_condition: Forall): void;
export function requires(_condition: boolean | Forall): void {
  notRun("requires");
}

/** A condition on elements of integer tensors, outputs among them, after the kernel has run. Proved. */
export function ensures(_condition: boolean): void;
export function ensures(_condition: Forall): void;
export function ensures(_condition: boolean | Forall): void {
  notRun("ensures");
}

/** A condition that holds whenever the loop's bound is tested; at the start of the loop's body. Proved, then assumed. */
export function invariant(_condition: boolean): void {
  notRun("invariant");
}

/** The condition for all integers 0 ≤ variable < extent, one variable per extent; in `requires` and `ensures`. */
export function forall<const E extends readonly [number, ...number[]]>(
  _extents: E,
  _condition: (...variables: Variables<E>) => boolean,
): Forall {
  return notRun("forall");
}

/** `!a || b` */
export function implies(_a: boolean, _b: boolean): boolean {
  return notRun("implies");
}

/** Names the block, the thread and the loop counters that write the element of an output at these indices. */
export function covers<A extends object>(_array: A, _witness: (...indices: IndicesOf<A>) => Witness): void {
  notRun("covers");
}

/** Σ array[j] over 0 ≤ j < end, of an integer input of rank 1; in `requires`, `ensures` and `invariant`. */
export function prefixSum(_array: ReadArray<[number]>, _end: number): number {
  return notRun("prefixSum");
}

/** How many j with 0 ≤ j < end have array[j] = value, of an integer input of rank 1; in specifications alone. */
export function occurrences(_array: ReadArray<[number]>, _end: number, _value: number): number {
  return notRun("occurrences");
}

/** How many j with 0 ≤ j < end have array[j] < value, of an integer input of rank 1; in specifications alone. */
export function below(_array: ReadArray<[number]>, _end: number, _value: number): number {
  return notRun("below");
}

/**
 * The j < end with array[j] = value before which exactly n others have it too, of an integer input of rank 1; in `covers`
 * alone. Any integer where n < 0 or array has no more than n of them before end.
 */
export function nthOccurrence(_array: ReadArray<[number]>, _end: number, _value: number, _n: number): number {
  return notRun("nthOccurrence");
}
