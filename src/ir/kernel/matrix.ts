/**
 * Matrix units: what the matrix instructions of a GPU compute, and which lane of a wave holds what.
 *
 * - A *fragment* is a part of a matrix that the lanes of a wave hold together, each some elements of it in its registers:
 *   of A (16 × 16), of B (16 × 16), or of an accumulator (16 × 16, f32). `mma` computes accumulator += A · B.
 * - An *operand* is a fragment of A or B. Both are held along k: a lane has consecutive elements A[row][k…] of one row of
 *   A, or B[k…][column] of one column of B. So both are loaded from memory whose rows run along k.
 * - With l the lane, e the number of an element in the lane, and h = ⌊l / 16⌋:
 *
 *     operand      row (or column) = l mod 16,  k = operandStride · h + e
 *     accumulator  row = rowStep · e + rowStride · h,  column = l mod 16
 *
 *   Where `operandStride` is 0 the lanes l and l + 16 hold the same elements, and the hardware may take either. On gfx12 and
 *   for f32 the hardware's own numbers of k differ from these, in the same way for A and for B: which products are added
 *   is the same, and only their order is another.
 *
 * Sources: AMD, "RDNA3 Instruction Set Architecture", section 7.9, and GPUOpen, "How to accelerate AI applications on RDNA 3
 * using WMMA" (gfx11); "RDNA4 Instruction Set Architecture", section 7.12 (gfx12); "AMD Instinct MI200 Instruction Set
 * Architecture", section 7, and AMD's matrix instruction calculator (cdna). Each was held against machine code that is
 * executed (test/conformance).
 */

import { InternalError } from "../../support/result.ts";
import { add, index, int, intOp, mul } from "./build.ts";
import type { FloatElement } from "./elements.ts";
import type { Axis, Expr } from "./expr.ts";
import { ELEMENT_BYTES } from "./limits.ts";
import type { FragmentStmt, Kernel, LocalArray, RegisterRow, Triple } from "./types.ts";

/** Rows, columns and depth of every fragment. */
export const FRAGMENT = 16n;

/** The families of GPUs whose instructions, and lanes, are alike: `cdna` is gfx90a and gfx942. */
export const MATRIX_UNITS = ["gfx11", "gfx12", "cdna"] as const;
export type MatrixUnit = (typeof MATRIX_UNITS)[number];

export type FragmentRole = "a" | "b" | "accumulator";
export const FRAGMENT_ROLES: readonly FragmentRole[] = ["a", "b", "accumulator"];

export interface MatrixLayout {
  /** Lanes of a wave. */
  readonly lanes: bigint;
  /** What A and B may be made of. */
  readonly elements: readonly FloatElement[];
  /** Elements of an operand in a lane, and how far apart in k those of lanes 16 apart begin. */
  readonly operandElements: bigint;
  readonly operandStride: bigint;
  /** Elements of an accumulator in a lane, and how their rows follow. */
  readonly accumulatorElements: bigint;
  readonly rowStep: bigint;
  readonly rowStride: bigint;
}

export const MATRIX_LAYOUTS: Readonly<Record<MatrixUnit, MatrixLayout>> = {
  gfx11: {
    lanes: 32n,
    elements: ["f16", "bf16"],
    operandElements: 16n,
    operandStride: 0n,
    accumulatorElements: 8n,
    rowStep: 2n,
    rowStride: 1n,
  },
  gfx12: {
    lanes: 32n,
    elements: ["f16", "bf16"],
    operandElements: 8n,
    operandStride: 8n,
    accumulatorElements: 8n,
    rowStep: 1n,
    rowStride: 8n,
  },
  cdna: {
    lanes: 64n,
    elements: ["f16", "bf16", "f32"],
    operandElements: 4n,
    operandStride: 4n,
    accumulatorElements: 4n,
    rowStep: 1n,
    rowStride: 4n,
  },
};

/** The layout of the kernel's matrix unit; a kernel with fragments has one. */
export function layoutOf({ name, matrix }: Kernel): MatrixLayout {
  if (matrix === undefined) throw new InternalError(`${name} has no matrix unit`);
  return MATRIX_LAYOUTS[matrix];
}

/** Elements that a lane has of a fragment. */
export function fragmentElements(layout: MatrixLayout, role: FragmentRole): bigint {
  return role === "accumulator" ? layout.accumulatorElements : layout.operandElements;
}

/** The number of the thread in its block, x fastest. */
export function threadNumber(block: Triple<bigint>): Expr {
  const axes: readonly Axis[] = [0, 1, 2];
  let stride = 1n;
  let number: Expr = int(0);
  for (const axis of axes) {
    if (block[axis] > 1n) number = add(number, mul(index("thread", axis), int(stride)));
    stride *= block[axis];
  }
  return number;
}

/** The number of the lane in its wave. */
export function laneOf(layout: MatrixLayout, block: Triple<bigint>): Expr {
  const number = threadNumber(block);
  return block.reduce((product, extent) => product * extent, 1n) === layout.lanes
    ? number
    : intOp("mod", number, int(layout.lanes));
}

/** One access of a lane to a part of what `fragment` loads: from `index` on, into its registers from `first` on. */
export interface FragmentAccess {
  readonly index: readonly Expr[];
  readonly first: bigint;
  readonly lanes: bigint;
}

/** An access moves at most so many bytes. */
const ACCESS_BYTES = 16n;

/** What a lane reads of the tile that the fragment is loaded from: its elements along k, in as few accesses as there are. */
export function fragmentAccesses(kernel: Kernel, { target, index: origin }: FragmentStmt): readonly FragmentAccess[] {
  const layout = layoutOf(kernel);
  const { element } = rowArray(kernel, target);
  const { operandElements, operandStride } = layout;
  const lane = laneOf(layout, kernel.block);
  const [row, k] = [origin.at(-2), origin.at(-1)];
  if (row === undefined || k === undefined) throw new InternalError("a fragment of an array of fewer than two axes");
  const own = add(row, intOp("mod", lane, int(FRAGMENT)));
  const half = intOp("div", lane, int(FRAGMENT));
  const start = operandStride === 0n ? k : add(k, mul(half, int(operandStride)));
  const most = ACCESS_BYTES / ELEMENT_BYTES[element];
  const lanes = most < operandElements ? most : operandElements;
  return Array.from({ length: Number(operandElements / lanes) }, (_, piece) => {
    const first = BigInt(piece) * lanes;
    return { index: [...origin.slice(0, -2), own, add(start, int(first))], first, lanes };
  });
}

/** The array of a register row. */
export function rowArray(kernel: Kernel, { array }: RegisterRow): LocalArray {
  const found = kernel.arrays.find(({ name }) => name === array);
  if (found === undefined) throw new InternalError(`${kernel.name} has no array ${array}`);
  return found;
}

/** A lane, and the number of one of its elements of a fragment. */
interface Holder {
  readonly lane: number;
  readonly element: number;
}

const holderTables = new Map<MatrixLayout, readonly (readonly (readonly Holder[])[])[]>();

/** By row, then by k: the lanes that hold the element of an operand, two where lanes hold the same. */
export function operandHolders(layout: MatrixLayout): readonly (readonly (readonly Holder[])[])[] {
  const known = holderTables.get(layout);
  if (known !== undefined) return known;
  const places = Array.from({ length: Number(FRAGMENT) }, (_, place) => place);
  const table = places.map((row) => places.map((k) => holdersOf(layout, row, k)));
  holderTables.set(layout, table);
  return table;
}

function holdersOf({ lanes, operandElements, operandStride }: MatrixLayout, row: number, k: number): readonly Holder[] {
  const holders: Holder[] = [];
  for (let lane = row, element = k; lane < Number(lanes); lane += Number(FRAGMENT), element -= Number(operandStride)) {
    if (element >= 0 && element < Number(operandElements)) holders.push({ lane, element });
  }
  return holders;
}

/** The row and the column of an accumulator that a lane's element is. */
export function accumulatorPlace(
  { rowStep, rowStride }: MatrixLayout,
  lane: number,
  element: number,
): { readonly row: number; readonly column: number } {
  const half = Math.floor(lane / Number(FRAGMENT));
  return { row: Number(rowStep) * element + Number(rowStride) * half, column: lane % Number(FRAGMENT) };
}
