/**
 * Replay records: everything that a run of the interpreter needs to show a fault again, as plain data.
 *
 * Contents of tensors are *fillings*: rules that say what an element holds by its index, so that a record stays small
 * whatever the shape, and an edited kernel that reads other elements finds something there.
 */

import {
  type Fault,
  type FaultKind,
  interpretKernel,
  type Outcome,
  sparseTensor,
  type TensorMemory,
} from "../ir/kernel/interpret.ts";
import type { IndexWidth, SizeLimits } from "../ir/kernel/limits.ts";
import { indexOf } from "../ir/kernel/memory.ts";
import type { Kernel, Triple } from "../ir/kernel/types.ts";
import { InternalError } from "../support/result.ts";

export type Filling =
  /** The same everywhere. */
  | { readonly kind: "constant"; readonly value: number }
  /** Not a number, everywhere. */
  | { readonly kind: "nan" }
  /** The first index; 0 for a tensor without axes. */
  | { readonly kind: "first-index" }
  /** (Σₐ iₐ) mod modulus */
  | { readonly kind: "index-sum"; readonly modulus: number }
  /** sign · (1 + Σₐ (iₐ · (a + stride)) mod modulus) */
  | { readonly kind: "ripple"; readonly sign: 1 | -1; readonly stride: number; readonly modulus: number }
  /** One value in this column of the last axis, another elsewhere. */
  | { readonly kind: "column"; readonly column: number; readonly value: number; readonly otherwise: number }
  /** step · (h − span), h being a hash of seed and index within 0 … 2·span */
  | { readonly kind: "noise"; readonly seed: number; readonly span: number; readonly step: number }
  /** The first entry whose index this is, else `otherwise`. */
  | { readonly kind: "table"; readonly entries: readonly FillingEntry[]; readonly otherwise: number };

export interface FillingEntry {
  readonly index: readonly number[];
  readonly value: number;
}

export interface ReplayRecord {
  readonly width: IndexWidth;
  /** What the launcher lets pass; default: `SIZE_LIMITS` of the width. */
  readonly limits?: SizeLimits;
  readonly dims: Readonly<Record<string, bigint>>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly tensors: Readonly<Record<string, Filling>>;
  /** The blocks that run; default: all of the grid. */
  readonly blocks?: readonly Triple<number>[];
  /** Loop counter → the only iterations that run. */
  readonly iterations?: Readonly<Record<string, readonly number[]>>;
  readonly maxSteps: number;
  readonly fault: FaultPattern;
  /** What the run should leave; anything else is a fault of the kind `value`. */
  readonly expected?: ExpectedElement;
}

/** An element of a float tensor by the definition of what the kernel claims. */
export interface ExpectedElement {
  readonly array: string;
  readonly index: readonly number[];
  /** In float64; NaN expects NaN. */
  readonly value: number;
  /** How far an f32 evaluation of the definition may be from it, generously. */
  readonly tolerance: number;
  /** The operation that is claimed. */
  readonly claim: string;
}

/** The faults that a run is to show: of these kinds, at this array where one is named. */
export interface FaultPattern {
  readonly kinds: readonly FaultKind[];
  readonly array?: string;
  /** Whether it is of threads of two blocks, or of one; absent where it may be either. */
  readonly acrossBlocks?: boolean;
}

/** The contents of a tensor of this shape, row-major. */
export function valuesFilling(values: readonly number[], shape: readonly number[]): Filling {
  const entries = values.map((value, address) => ({ index: indexOf(shape, address), value }));
  return { kind: "table", entries, otherwise: 0 };
}

/** What the element at `index` holds. */
export function fillElement(filling: Filling, index: readonly number[]): number {
  switch (filling.kind) {
    case "constant":
      return filling.value;
    case "nan":
      return Number.NaN;
    case "first-index":
      return index[0] ?? 0;
    case "index-sum":
      return index.reduce((sum, i) => sum + i, 0) % filling.modulus;
    case "ripple": {
      const { sign, stride, modulus } = filling;
      return sign * (1 + index.reduce((sum, i, axis) => sum + ((i * (axis + stride)) % modulus), 0));
    }
    case "column":
      return index.at(-1) === filling.column ? filling.value : filling.otherwise;
    case "noise":
      return filling.step * ((hashOf(filling.seed, index) % (2 * filling.span + 1)) - filling.span);
    case "table": {
      const entry = filling.entries.find((candidate) => candidate.index.every((i, axis) => i === index[axis]));
      return entry?.value ?? filling.otherwise;
    }
    default:
      filling satisfies never;
      throw new InternalError("unknown filling");
  }
}

/** A 32-bit hash of an index: FNV-1a over its integers, with a final mix. */
function hashOf(seed: number, index: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const part of [seed, ...index]) hash = Math.imul(hash ^ part, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Runs the kernel on fresh tensors. Every dimension, scalar and tensor of the kernel must be in the record. */
export function runRecord(kernel: Kernel, record: ReplayRecord): Outcome {
  const { expected } = record;
  const { outcome, tensors } = runTensors(kernel, record);
  const wrong = expected && outcome.complete ? wrongElement(kernel, expected, tensors[expected.array]) : undefined;
  return wrong === undefined ? outcome : { ...outcome, faults: [...outcome.faults, wrong] };
}

/** The same without what is expected, with what the run has left. */
export function runTensors(
  kernel: Kernel,
  { width, limits, dims, scalars, blocks, iterations, maxSteps, ...record }: Omit<ReplayRecord, "expected">,
): { readonly outcome: Outcome; readonly tensors: Readonly<Record<string, TensorMemory>> } {
  const tensors: Record<string, TensorMemory> = {};
  for (const [name, filling] of Object.entries(record.tensors)) {
    tensors[name] = sparseTensor((index) => fillElement(filling, index));
  }
  const outcome = interpretKernel({
    kernel,
    dims,
    scalars,
    tensors,
    width,
    maxSteps,
    performance: record.fault.kinds.some((kind) => kind === "scattered" || kind === "conflict"),
    ...(limits && { limits }),
    ...(blocks && { blocks }),
    ...(iterations && { iterations: new Map(Object.entries(iterations)) }),
  });
  return { outcome, tensors };
}

/** The element as a fault, where the run has left something else than the definition says. */
function wrongElement(kernel: Kernel, expected: ExpectedElement, memory: TensorMemory | undefined): Fault | undefined {
  const { array, index, value, tolerance, claim } = expected;
  const found = memory?.read(index) ?? Number.NaN;
  if (Math.abs(found - value) <= tolerance || Object.is(found, value)) return undefined;
  const element = `${array}${index.map((i) => `[${i}]`).join("")}`;
  return {
    kind: "value",
    message: `computes ${element} = ${shortNumber(found)}, where ${claim} gives ${shortNumber(value)}`,
    span: kernel.params.find(({ name }) => name === array)?.span ?? kernel.span,
    array,
    block: [0, 0, 0],
    thread: [0, 0, 0],
  };
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Whether a fault is one that the pattern describes. */
export function showsFault({ kinds, array, acrossBlocks }: FaultPattern, fault: Fault): boolean {
  if (!kinds.includes(fault.kind)) return false;
  if (acrossBlocks !== undefined && acrossBlocks === (fault.block.join() === fault.otherBlock?.join())) return false;
  return array === undefined || fault.array === array;
}
