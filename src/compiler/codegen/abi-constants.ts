/**
 * Constants of the C ABI: one table each, from which the header, the launchers and the description for runtimes are made.
 */

import type { ElementType } from "../../ir/kernel/elements.ts";

/** Counts up with every change that breaks a caller. */
export const ABI_VERSION = 1;

export const DTYPES: Readonly<Record<ElementType, { readonly name: string; readonly value: number }>> = {
  f32: { name: "TOK_F32", value: 1 },
  i32: { name: "TOK_I32", value: 2 },
  u32: { name: "TOK_U32", value: 3 },
  i64: { name: "TOK_I64", value: 4 },
  f16: { name: "TOK_F16", value: 5 },
  bf16: { name: "TOK_BF16", value: 6 },
};

export interface Status {
  readonly name: string;
  readonly meaning: string;
}

/** In the order in which a launcher checks; a status's value is its position. */
export const STATUSES: readonly Status[] = [
  { name: "TOK_OK", meaning: "done, or nothing to do" },
  { name: "TOK_NULL_ARGS", meaning: "a pointer to a struct is null" },
  { name: "TOK_NULL_DATA", meaning: "a tensor has bytes but no data" },
  { name: "TOK_DTYPE", meaning: "a tensor's element type is not the parameter's" },
  { name: "TOK_DIM", meaning: "a dimension is negative or too large" },
  { name: "TOK_SHAPE", meaning: "a tensor's shape is negative or too large, or a view leaves its buffer" },
  { name: "TOK_WHERE", meaning: "a dimension is not what the kernel's where says" },
  { name: "TOK_REQUIRES", meaning: "a condition of the kernel does not hold" },
  { name: "TOK_BYTES", meaning: "a tensor's length is not that of its shape" },
  { name: "TOK_ALIGNMENT", meaning: "a tensor's address is not a multiple of what its accesses ask for" },
  { name: "TOK_OVERLAP", meaning: "two tensors overlap, and one of them is written" },
  { name: "TOK_SCALAR", meaning: "a scalar does not fit its type" },
  { name: "TOK_GRID", meaning: "the grid is negative or exceeds what a GPU can launch" },
  { name: "TOK_INDEX_WIDTH", meaning: "no instance of the kernel has indices wide enough" },
  { name: "TOK_WORKSPACE", meaning: "the workspace is too small, misaligned, or overlaps a tensor" },
  { name: "TOK_DEVICE_ERROR", meaning: "the HIP runtime reports an error" },
  { name: "TOK_VECTOR_UNIT", meaning: "the CPU lacks the vector unit that the kernel is for" },
];

/** Bytes for a kernel's packed arguments in a `tok_launch`. */
export const MAX_LAUNCH_ARGS = 512;
