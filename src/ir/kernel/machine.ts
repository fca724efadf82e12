/**
 * The machine of the reference interpreter: the state of a run, its faults, and the arithmetic that all threads share.
 */

import { NO_SPAN, type Span } from "../../support/span.ts";
import { foldInt } from "./build.ts";
import { INT_RANGE, type IndexWidth } from "./limits.ts";
import type { Shadow, TensorMemory } from "./memory.ts";
import type { IntOp, Role, Triple } from "./types.ts";

export type FaultKind =
  | "bounds"
  | "race"
  | "divergence"
  /** An integer that does not fit the index width. */
  | "overflow"
  /** An integer stored into an element type that cannot hold it. */
  | "range"
  /** `div` or `mod` by zero or less. */
  | "division"
  /** A read of memory that nobody has written. */
  | "uninitialised"
  | "invariant"
  /** `requires` or `where` does not hold, so that nothing was run. */
  | "requires";

export interface Fault {
  readonly kind: FaultKind;
  /** What happens, as the rest of a sentence that begins with the interpreter: `reads x[0][1] out of bounds`. */
  readonly message: string;
  readonly span: Span;
  readonly array?: string;
  readonly block: Triple<number>;
  readonly thread: Triple<number>;
}

/** One thread's state: its place, its locals by slot, and its register arrays. */
export interface Frame {
  readonly thread: Triple<number>;
  readonly threadNumber: number;
  readonly slots: (number | boolean)[];
  readonly registers: Map<string, CellArray>;
}

/** A shared or register array: `undefined` until written. */
export type CellArray = (number | undefined)[];

export interface GlobalArray {
  readonly role: Role;
  readonly memory: TensorMemory;
  readonly extents: readonly number[];
  /** Flat addresses written in this run; an output's other elements are undefined, whatever its memory holds. */
  readonly written: Set<number>;
}

export interface Machine {
  readonly width: IndexWidth;
  readonly dims: ReadonlyMap<string, number>;
  readonly scalars: Readonly<Record<string, number>>;
  readonly globals: ReadonlyMap<string, GlobalArray>;
  readonly shared: Map<string, CellArray>;
  readonly shadows: Map<string, Shadow>;
  readonly iterations: ReadonlyMap<string, readonly number[]>;
  readonly checks: boolean;
  readonly faults: Fault[];
  readonly maxFaults: number;
  readonly maxSteps: number;
  /** Threads per block. */
  readonly threads: number;
  block: Triple<number>;
  blockNumber: number;
  blockPlaces: Triple<number>[];
  threadPlaces: Triple<number>[];
  epoch: number;
  steps: number;
}

/** Ends a run early: the step budget or the faults asked for are used up, or a number is beyond exact arithmetic. */
export class RunStopped extends Error {
  override readonly name = "RunStopped";
}

export function fault(
  machine: Machine,
  frame: Frame | undefined,
  kind: FaultKind,
  span: Span,
  message: string,
  array?: string,
): void {
  // One fault per place and kind is enough: a loop would repeat it and hide those of other places.
  const known = machine.faults.some(
    (other) =>
      other.kind === kind &&
      other.array === array &&
      other.span.line === span.line &&
      other.span.column === span.column,
  );
  if (known && span !== NO_SPAN) return;
  machine.faults.push({
    kind,
    message,
    span,
    block: machine.block,
    thread: frame?.thread ?? [0, 0, 0],
    ...(array !== undefined && { array }),
  });
  if (machine.faults.length >= machine.maxFaults) throw new RunStopped("enough faults");
}

/** Counts a statement; ends the run when the budget is used up. */
export function step(machine: Machine): void {
  if (++machine.steps > machine.maxSteps) throw new RunStopped("step budget");
}

/** An integer operation as the machine does it: the exact result, with a fault where it does not fit. */
export function machineInt(
  machine: Machine,
  frame: Frame,
  op: IntOp,
  a: number,
  b: number,
  text: () => string,
  span: Span,
): number {
  if ((op === "div" || op === "mod") && b <= 0) {
    fault(machine, frame, "division", span, `divides by ${b} in ${text()}`);
    return 0;
  }
  return fits(machine, frame, exactInt(op, a, b), () => foldInt(op, BigInt(a), BigInt(b)) ?? 0n, text, span);
}

/** Passes an integer that fits the index width; `exact` gives it where a double cannot hold it. */
export function fits(
  machine: Machine,
  frame: Frame,
  value: number,
  exact: () => bigint,
  text: () => string,
  span: Span,
): number {
  const { min, max } = INT_RANGE[machine.width];
  if (Number.isSafeInteger(value)) {
    if (machine.width === 32 && (value < Number(min) || value > Number(max))) {
      fault(machine, frame, "overflow", span, `computes ${text()} = ${value}, which does not fit 32 bits`);
    }
    return value;
  }
  const big = exact();
  if (big >= min && big <= max) throw new RunStopped("an integer beyond 2^53");
  fault(machine, frame, "overflow", span, `computes ${text()} = ${big}, which does not fit ${machine.width} bits`);
  return value;
}

/** The operation in doubles, which is exact wherever the result is a safe integer. */
export function exactInt(op: IntOp, a: number, b: number): number {
  switch (op) {
    case "add":
      return a + b;
    case "sub":
      return a - b;
    case "mul":
      return a * b;
    case "div":
      return b === 0 ? 0 : Math.floor(a / b);
    case "mod":
      return b === 0 ? 0 : a - b * Math.floor(a / b);
    case "min":
      return Math.min(a, b);
    case "max":
      return Math.max(a, b);
    default:
      op satisfies never;
      return Number.NaN;
  }
}

export function formatTriple(triple: Triple<number>): string {
  return `(${triple.join(", ")})`;
}
