/** Fragments: parts of matrices that the lanes of a wave hold together, and multiply in one instruction. */

import { notRun } from "./not-run.ts";
import type { Element } from "./types.ts";

export type FragmentRole = "a" | "b" | "accumulator";

declare const ROLE: unique symbol;
/** Fragments, one per index; a lane has some elements of each, and of an accumulator the kernel reads and writes them. */
export type FragmentArray<R extends FragmentRole, S extends readonly unknown[]> = S extends readonly [
  unknown,
  ...infer Rest,
]
  ? { readonly [index: number]: FragmentArray<R, Rest> }
  : R extends "accumulator"
    ? { [element: number]: number; readonly [ROLE]: R }
    : { readonly [ROLE]: R };

type FragmentElement = Element<"f16" | "bf16" | "f32">;

/**
 * Fragments of 16 × 16 elements: `"a"` and `"b"` are operands of `mma`, loaded by `loadFragment`; `"accumulator"`, of f32, is
 * what it adds to. The sizes are how many there are; without them it is one.
 */
export function fragment<R extends FragmentRole, const S extends readonly number[] = readonly []>(
  _role: R,
  _element: R extends "accumulator" ? Element<"f32"> : FragmentElement,
  _counts?: S,
): FragmentArray<R, S> {
  return notRun("fragment");
}

/**
 * Loads an operand from the tile that begins at the element: 16 rows along the axis before the last, 16 elements along the
 * last one, which is k for both operands. So A is loaded from A[row][k], and B from the rows of its transpose, B[column][k].
 * All threads of the block reach it, and those of a wave name one tile.
 */
export function loadFragment(_operand: FragmentArray<"a" | "b", readonly []>, _tile: number): void {
  notRun("loadFragment");
}

/** accumulator += a · b. All threads of the block reach it. */
export function mma(
  _accumulator: FragmentArray<"accumulator", readonly []>,
  _a: FragmentArray<"a", readonly []>,
  _b: FragmentArray<"b", readonly []>,
): void {
  notRun("mma");
}

/** Where a thread's part of a fragment lies, as the matrix unit has it. */
export interface Matrix {
  /** Threads of a wave: 32 or 64. */
  readonly lanes: number;
  /** The number of the thread's wave in its block, and of the thread in its wave. */
  readonly wave: number;
  readonly lane: number;
  /** Elements of an accumulator that each lane has: 4 or 8. */
  readonly elements: number;
  /** The column of all of them, 0 to 15. */
  readonly column: number;
  /** The row of the lane's element, 0 to 15. */
  row(element: number): number;
  /** Which element of its lane an element of an accumulator is, and in which lane. */
  elementOf(row: number): number;
  laneOf(row: number, column: number): number;
}

export const matrix: Matrix = {
  get lanes(): number {
    return notRun("matrix.lanes");
  },
  get wave(): number {
    return notRun("matrix.wave");
  },
  get lane(): number {
    return notRun("matrix.lane");
  },
  get elements(): number {
    return notRun("matrix.elements");
  },
  get column(): number {
    return notRun("matrix.column");
  },
  row: (_element) => notRun("matrix.row"),
  elementOf: (_row) => notRun("matrix.elementOf"),
  laneOf: (_row, _column) => notRun("matrix.laneOf"),
};
